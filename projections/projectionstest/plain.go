package projectionstest

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// plainBatch is how many statements Plain sends in one transaction.
const plainBatch = 500

// Plain returns the events per second at which the rows of the live read
// models can be written without us: each final row by one INSERT, 500
// pipelined in a transaction, into tables with the same indexes, commits not
// waited for. It is the substrate of CatchUp, and less work: no row is written
// twice, nothing is read, decoded or folded. It follows a Rebuild or CatchUp.
func (b Bench) Plain(ctx context.Context) (float64, error) {
	last, err := b.Store.LastSeq(ctx)
	if err != nil {
		return 0, err
	}
	schemas, err := b.generations(ctx)
	if err != nil {
		return 0, err
	}
	var took time.Duration
	for _, s := range schemas {
		tables, err := b.tables(ctx, s)
		if err != nil {
			return 0, err
		}
		for _, t := range tables {
			d, err := b.copyPlainly(ctx, s+"."+t)
			if err != nil {
				return 0, fmt.Errorf("copy %s.%s: %w", s, t, err)
			}
			took += d
		}
	}
	return float64(last) / took.Seconds(), nil
}

func (b Bench) copyPlainly(ctx context.Context, from string) (took time.Duration, err error) {
	rows, err := b.Pool.Query(ctx, "SELECT t::text FROM "+from+" t")
	if err != nil {
		return 0, err
	}
	data, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	c, err := b.Pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Release()
	if _, err := c.Exec(ctx, "DROP TABLE IF EXISTS plain; CREATE TABLE plain (LIKE "+from+" INCLUDING ALL)"); err != nil {
		return 0, err
	}
	begun := time.Now()
	for len(data) > 0 {
		n := min(plainBatch, len(data))
		var batch pgx.Batch
		batch.Queue("SET LOCAL synchronous_commit = off")
		for _, row := range data[:n] {
			batch.Queue("INSERT INTO plain SELECT ($1::text::plain).*", row)
		}
		if err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &batch).Close() }); err != nil {
			return 0, err
		}
		data = data[n:]
	}
	took = time.Since(begun)
	_, err = c.Exec(ctx, "DROP TABLE plain")
	return took, err
}
