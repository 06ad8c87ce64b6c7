-- +goose Up

-- How far each generation of a read model has read the log.
CREATE TABLE projection_checkpoint (
  name        text        NOT NULL,
  version     int         NOT NULL,
  generation  int         NOT NULL,
  log_epoch   text        NOT NULL, -- identity of the log that was read
  seq         bigint      NOT NULL, -- of the last event applied
  event_id    text        NOT NULL, -- of that event
  event_time  timestamptz,          -- of that event
  owner_epoch bigint      NOT NULL, -- raised by whoever takes over; an older owner is fenced
  error       text        NOT NULL DEFAULT '', -- why it stands still
  refused     boolean     NOT NULL DEFAULT false, -- its log is not the one at hand
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version, generation)
);

-- Which generation of a version answers queries.
CREATE TABLE projection_live (
  name              text    NOT NULL,
  version           int     NOT NULL,
  generation        int     NOT NULL,
  previous          int,                            -- kept as the way back
  rebuild_requested boolean NOT NULL DEFAULT false, -- asked for by an event, not done yet
  PRIMARY KEY (name, version)
);

-- Events that could not be applied, and those that wait behind them.
CREATE TABLE projection_parked (
  name       text        NOT NULL,
  version    int         NOT NULL,
  generation int         NOT NULL,
  key        text        NOT NULL, -- the entity: tenant/kind/id
  seq        bigint      NOT NULL,
  party      text        NOT NULL, -- keys that one decision tied together share it
  event_id   text        NOT NULL,
  event_type text        NOT NULL,
  error      text        NOT NULL,
  attempts   int         NOT NULL DEFAULT 1,
  behind     boolean     NOT NULL,
  first_at   timestamptz NOT NULL DEFAULT now(),
  last_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version, generation, key, seq)
);

-- Moves a checkpoint inside the transaction that writes the rows. It fails
-- with MFENC when the caller no longer owns the generation.
-- +goose StatementBegin
CREATE FUNCTION projection_advance(
  in_name text, in_version int, in_generation int, in_owner bigint, in_log text,
  in_old bigint, in_new bigint, in_id text, in_time timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE projection_checkpoint
     SET seq = in_new, event_id = in_id, event_time = in_time, updated_at = now()
   WHERE name = in_name AND version = in_version AND generation = in_generation
     AND owner_epoch = in_owner AND seq = in_old AND log_epoch = in_log;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'projection % v% g%: another owner has taken over', in_name, in_version, in_generation
      USING ERRCODE = 'MFENC';
  END IF;
  PERFORM pg_notify('projection', in_name || ':' || in_version || ':' || in_generation || ':' || in_new);
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION projection_advance;
DROP TABLE projection_parked;
DROP TABLE projection_live;
DROP TABLE projection_checkpoint;
