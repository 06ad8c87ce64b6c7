package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/eventstore"
)

// Advisory locks of this database.
const (
	liveLock    = 0x6d6573686c616e65 // held by the owner of the live lane
	rebuildLock = 0x6d65736872656200 // plus the projection's index: one rebuild at a time
)

// connect opens a session for a lane. Its commits are not waited for: rows
// and checkpoint are lost together, and read again.
func (p *Projections) connect(ctx context.Context, what string) (*pgx.Conn, error) {
	cfg := p.cfg.Pool.Config().ConnConfig
	cfg.ConnectTimeout = 5 * time.Second
	cfg.RuntimeParams["application_name"] = "mesh " + what + " " + p.cfg.Node
	cfg.RuntimeParams["synchronous_commit"] = "off"
	// A lane joins few keys with large tables that may have no statistics yet.
	cfg.RuntimeParams["enable_seqscan"] = "off"
	cfg.RuntimeParams["enable_hashjoin"] = "off"
	cfg.RuntimeParams["enable_mergejoin"] = "off"
	// A plan made while a table is empty reads the whole table for ever after.
	cfg.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", what, err)
	}
	return c, nil
}

// disconnect closes c even when the caller's context has ended.
func disconnect(c *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.Close(ctx) // the session ends either way
}

// takeOver makes this node the owner of the live generation of d: whoever
// owned it before is fenced. It returns nil when d has no live generation, or
// when it must stand still; the reason is then in its checkpoint row.
func (p *Projections) takeOver(ctx context.Context, c *pgx.Conn, d definition) (m *member, missing bool, err error) {
	m = &member{def: d}
	var logEpoch, eventID string
	err = c.QueryRow(ctx, `UPDATE projection_checkpoint c
		SET owner_epoch = owner_epoch + 1, error = '', refused = false, log_epoch = CASE WHEN seq = 0 THEN $3 ELSE log_epoch END
		FROM projection_live l WHERE l.name = $1 AND l.version = $2
			AND c.name = l.name AND c.version = l.version AND c.generation = l.generation
		RETURNING c.generation, c.log_epoch, c.seq, c.event_id, c.owner_epoch`, d.name, d.version, p.cfg.Store.Epoch()).
		Scan(&m.generation, &logEpoch, &m.seq, &eventID, &m.owner)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("take over %s: %w", d.name, err)
	}
	reason, err := p.foreign(ctx, logEpoch, m.seq, eventID)
	if err != nil {
		return nil, false, err
	}
	if reason != "" {
		return nil, false, p.halt(ctx, c, m, reason+": rebuild it with mesh projection rebuild "+d.name, true)
	}
	m.schema, m.model = schemaOf(d, m.generation), d.open()
	if err := m.reload(ctx, c); err != nil {
		return nil, false, err
	}
	if len(m.parked) > maxParked {
		return nil, false, p.halt(ctx, c, m, fmt.Sprintf("more than %d entities are parked: fix the cause, then rebuild it", maxParked), false)
	}
	return m, false, nil
}

// halt writes down why a projection stands still.
func (p *Projections) halt(ctx context.Context, c *pgx.Conn, m *member, reason string, refused bool) error {
	p.cfg.Log.Error().Str("projection", m.def.name).Uint64("seq", m.seq).Str("reason", reason).Msg("projection stands still")
	_, err := c.Exec(ctx, `UPDATE projection_checkpoint SET error = $4, refused = $5, updated_at = now()
		WHERE name = $1 AND version = $2 AND generation = $3`, m.def.name, m.def.version, m.generation, reason, refused)
	return err
}

// foreign returns why a checkpoint does not belong to the log at hand, or "".
func (p *Projections) foreign(ctx context.Context, logEpoch string, seq uint64, eventID string) (string, error) {
	if seq == 0 {
		return "", nil
	}
	s := p.cfg.Store
	if logEpoch != s.Epoch() {
		return fmt.Sprintf("it was made from log %s, this log is %s (restored or replaced)", logEpoch, s.Epoch()), nil
	}
	last, err := s.LastSeq(ctx)
	if err != nil {
		return "", fmt.Errorf("read end of log: %w", err)
	}
	if last < seq {
		return fmt.Sprintf("it has read up to event %d, and this log ends at %d (restored to an earlier point)", seq, last), nil
	}
	r, err := s.Get(ctx, seq)
	switch {
	case errors.Is(err, eventstore.ErrNotFound):
		return fmt.Sprintf("event %d, the last one it read, is not in this log", seq), nil
	case err != nil:
		return "", fmt.Errorf("read event %d: %w", seq, err)
	case r.ID != eventID:
		return fmt.Sprintf("event %d of this log is %s, it has read %s (restored and written anew)", seq, r.ID, eventID), nil
	}
	return "", nil
}
