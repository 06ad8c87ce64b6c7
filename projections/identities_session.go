package projections

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/identity"
)

func sessionTables() []table {
	return []table{{
		name: "session", key: "tenant, id", columns: `
			tenant text NOT NULL, id uuid NOT NULL, first_seq bigint NOT NULL, seq bigint NOT NULL,
			principal uuid NOT NULL, client text NOT NULL, methods jsonb, scopes jsonb, actor text NOT NULL,
			started_at timestamptz NOT NULL, refreshed_at timestamptz, expires_at timestamptz NOT NULL,
			ended_at timestamptz, outcome text NOT NULL, reason text NOT NULL, updated_at timestamptz NOT NULL`,
		indexes: []string{"(tenant, first_seq)", "(tenant, principal, first_seq)"},
	}}
}

// sessionRow is a row of the session table. What never changes is there only
// until it has been written.
type sessionRow struct {
	ownRow
	start            identity.SessionStarted
	principal        uuid.UUID
	started          time.Time
	refreshed, ended time.Time
	outcome, reason  string
	fresh            bool
}

// sessions keeps the rows of sessions.
type sessions struct {
	rows    *workset[sessionRow]
	changed []*sessionRow
}

func newSessions() *sessions { return &sessions{rows: newWorkset[sessionRow](20_000)} }

func (s *sessions) takes(e identity.Event) bool {
	_, ok := e.(identity.SessionEvent)
	return ok
}

func (s *sessions) settle() { s.rows.settle() }

func (s *sessions) reset() {
	s.rows.reset()
	s.changed = nil
}

var errNoSession = errors.New("the session was never started")

func (s *sessions) fold(it *item) error {
	r := s.rows.get(it.row())
	if e, ok := it.identity.(identity.SessionStarted); ok && r == nil {
		principal, err := uuid.Parse(e.Principal)
		if err != nil {
			return fmt.Errorf("principal: %w", err)
		}
		r = &sessionRow{ownRow: newRow(it), start: e, principal: principal, started: it.Time, fresh: true}
		s.rows.put(r.rowKey, r)
	}
	if r == nil {
		return errNoSession
	}
	written := r.dirty
	if !r.turn(it) {
		return nil
	}
	if !written {
		s.changed = append(s.changed, r)
	}
	switch e := it.identity.(type) {
	case identity.SessionRefreshed:
		r.refreshed = it.Time
	case identity.ReuseDetected:
		r.ended, r.outcome = it.Time, "reused"
	case identity.SessionEnded:
		r.ended, r.outcome, r.reason = it.Time, "ended", e.Reason
	}
	return nil
}

func (s *sessions) load(b *pgx.Batch, schema string, items []*item) {
	if tenants, ids := s.rows.missing(items); len(ids) > 0 {
		b.Queue(in(schema, loadSessions), tenants, ids).Query(s.loaded)
	}
}

const loadSessions = `SELECT t.tenant, t.id, t.first_seq, t.seq, t.refreshed_at, t.ended_at, t.outcome, t.reason, t.updated_at
	FROM unnest($1::text[], $2::uuid[]) AS k(tenant, id) JOIN {s}.session t ON t.tenant = k.tenant AND t.id = k.id`

func (s *sessions) loaded(rows pgx.Rows) error {
	for rows.Next() {
		r := &sessionRow{}
		var refreshed, ended *time.Time
		if err := rows.Scan(&r.tenant, &r.id, &r.firstSeq, &r.seq, &refreshed, &ended, &r.outcome, &r.reason, &r.updated); err != nil {
			return err
		}
		r.refreshed, r.ended = orZero(refreshed), orZero(ended)
		s.rows.put(r.rowKey, r)
	}
	return rows.Err()
}

func (s *sessions) flush(b *pgx.Batch, schema string) {
	for _, r := range s.changed {
		if r.fresh {
			b.Queue(in(schema, insertSession), r.tenant, r.id, int64(r.firstSeq), int64(r.seq), r.principal, clean(r.start.Client),
				cleaned(r.start.Methods), cleaned(r.start.Scopes), clean(r.start.Actor), r.started, unset(r.refreshed), r.start.ExpiresAt,
				unset(r.ended), r.outcome, clean(r.reason), r.updated)
		} else {
			b.Queue(in(schema, `UPDATE {s}.session SET seq = $3, refreshed_at = $4, ended_at = $5, outcome = $6, reason = $7, updated_at = $8
				WHERE tenant = $1 AND id = $2 AND seq < $3`),
				r.tenant, r.id, int64(r.seq), unset(r.refreshed), unset(r.ended), r.outcome, clean(r.reason), r.updated)
		}
		r.fresh, r.dirty, r.start = false, false, identity.SessionStarted{}
		if !r.ended.IsZero() {
			s.rows.drop(r.rowKey)
		}
	}
	s.changed = s.changed[:0]
}

const insertSession = `INSERT INTO {s}.session (tenant, id, first_seq, seq, principal, client, methods, scopes, actor, started_at, refreshed_at,
		expires_at, ended_at, outcome, reason, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8::text::jsonb, $9, $10, $11, $12, $13, $14, $15, $16)
	ON CONFLICT DO NOTHING`
