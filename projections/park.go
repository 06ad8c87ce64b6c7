package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// errTooManyParked stops a projection whose code fails on everything.
var errTooManyParked = errors.New("too many parked entities")

// slow applies a batch that has failed by its data, decision by decision,
// each behind a savepoint, and parks what fails. Operators' requests come
// this way too.
func (l *lane) slow(ctx context.Context, batch []*item) error {
	tx, err := l.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit it does nothing
	last := batch[len(batch)-1]
	var writes pgx.Batch
	for _, m := range l.members {
		if last.Seq <= m.seq {
			continue
		}
		if err := m.reload(ctx, tx); err != nil {
			return err
		}
		for start := 0; start < len(batch); {
			end := decisionEnd(batch, start)
			if err := m.try(ctx, tx, batch[start:end]); err != nil {
				return err
			}
			start = end
		}
		if err := l.act(ctx, tx, m, batch[0]); err != nil {
			return err
		}
		m.flushParked(&writes)
		m.advance(&writes, l.store.Epoch(), last)
	}
	if err := send(ctx, tx, &writes); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// try applies one decision, or parks it.
func (m *member) try(ctx context.Context, tx pgx.Tx, decision []*item) error {
	todo := m.plan(decision)
	if len(todo) == 0 {
		return nil
	}
	err := m.attempt(ctx, tx, todo)
	if isPoison(err) {
		m.park(todo, err)
		return nil
	}
	return err
}

// attempt writes todo behind a savepoint; on an error nothing has happened.
func (m *member) attempt(ctx context.Context, tx pgx.Tx, todo []*item) error {
	save, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	if err := m.write(ctx, save, todo); err != nil {
		m.model.reset()
		return errors.Join(err, save.Rollback(ctx))
	}
	return save.Commit(ctx)
}

func (m *member) write(ctx context.Context, tx pgx.Tx, todo []*item) error {
	var reads, writes pgx.Batch
	m.model.load(&reads, m.schema, todo)
	if err := send(ctx, tx, &reads); err != nil {
		return fmt.Errorf("load rows: %w", err)
	}
	for _, it := range todo {
		if err := m.model.fold(it); err != nil {
			return &poison{it.Seq, err}
		}
	}
	m.model.flush(&writes, m.schema)
	return send(ctx, tx, &writes)
}

// clean makes text fit for Postgres, which stores neither NUL nor bytes that
// are not UTF-8.
func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}
