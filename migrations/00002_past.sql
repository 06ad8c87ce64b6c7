-- +goose Up

-- A generation that shows the past stands still at this event; 0: it follows
-- the log, or is being built to.
ALTER TABLE projection_checkpoint ADD COLUMN as_of bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE projection_checkpoint DROP COLUMN as_of;
