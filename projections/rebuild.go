package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Progress says how far a rebuild is. Left is zero while it is not known.
type Progress struct {
	Generation int
	Done       uint64 // sequence reached
	Total      uint64 // sequence of the log's end
	PerSecond  float64
	Left       time.Duration
}

// Rebuild fills a new generation of the named read model from the log, on
// this node, and lets queries read it when it has reached the live one. An
// empty name rebuilds all of them together. progress, which may be nil, is
// called after every batch. The generation that was live before is kept until
// the next rebuild. It fails with Conflict when one is running already, with
// NotFound for an unknown name.
func (p *Projections) Rebuild(ctx context.Context, name string, progress func(Progress)) error {
	defs := p.defs
	if name != "" {
		d, err := p.definition(name)
		if err != nil {
			return err
		}
		defs = []definition{d}
	}
	return p.build(ctx, defs, progress)
}

func (p *Projections) build(ctx context.Context, defs []definition, progress func(Progress)) error {
	b, err := p.newBuilder(ctx, defs, progress, false, 0)
	if err != nil {
		return fmt.Errorf("rebuild: %w", p.reachable(err))
	}
	defer b.close(ctx)
	if err := b.fill(ctx, p.cfg.Store.LastSeq); err != nil {
		return fmt.Errorf("rebuild: %w", p.reachable(err))
	}
	if err := b.finish(ctx); err != nil {
		return fmt.Errorf("rebuild: %w", p.reachable(err))
	}
	if err := b.fill(ctx, p.cfg.Store.LastSeq); err != nil { // what came meanwhile
		return fmt.Errorf("rebuild: %w", p.reachable(err))
	}
	if err := b.goLive(ctx); err != nil {
		return fmt.Errorf("rebuild: %w", p.reachable(err))
	}
	p.cfg.Log.Info().Strs("projections", b.names()).Uint64("seq", b.lane.seq()).Dur("took", time.Since(b.begun)).Msg("read models rebuilt")
	p.reopenLanes()
	return nil
}

// builder fills new generations with a lane of its own.
type builder struct {
	p        *Projections
	lane     *lane
	begun    time.Time
	progress func(Progress)
	total    uint64
	done     bool // the generations are in use
}

// newBuilder makes the generations and their lane. keep spares the
// generations that were live before; asOf is as in newGeneration.
func (p *Projections) newBuilder(ctx context.Context, defs []definition, progress func(Progress), keep bool, asOf uint64) (*builder, error) {
	c, err := p.connect(ctx, "rebuild")
	if err != nil {
		return nil, err
	}
	b := &builder{p: p, begun: time.Now(), progress: progress}
	b.lane = &lane{store: p.cfg.Store, log: p.cfg.Log, conn: c, max: bulkBatch, name: "rebuild", moved: b.moved}
	if err := b.open(ctx, defs, keep, asOf); err != nil {
		disconnect(c)
		return nil, err
	}
	return b, nil
}

func (b *builder) open(ctx context.Context, defs []definition, keep bool, asOf uint64) error {
	for i, known := range b.p.defs {
		for _, d := range defs {
			if d.name != known.name {
				continue
			}
			if err := b.lock(ctx, int64(rebuildLock+1+i)); err != nil {
				return err
			}
		}
	}
	return pgx.BeginFunc(ctx, b.p.cfg.Pool, func(tx pgx.Tx) error {
		for _, d := range defs {
			g, err := newGeneration(ctx, tx, d, b.p.cfg.Store.Epoch(), keep, asOf)
			if err != nil {
				return err
			}
			b.lane.members = append(b.lane.members, &member{def: d, generation: g, schema: schemaOf(d, g), model: d.open(), owner: 1, parked: map[string]string{}})
		}
		return nil
	})
}

// lock takes a lock for the session, or fails with errBusy. It waits a moment:
// a rebuild whose generation is in use already still holds its own.
func (b *builder) lock(ctx context.Context, id int64) error {
	err := pgx.BeginFunc(ctx, b.lane.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '2s'`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `SELECT pg_advisory_lock($1)`, id)
		return err
	})
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "55P03" { // lock_not_available
		return errBusy
	}
	return err
}

func (b *builder) names() []string {
	var names []string
	for _, m := range b.lane.members {
		names = append(names, m.def.name)
	}
	return names
}

func (b *builder) moved(seq uint64) {
	if b.progress == nil {
		return
	}
	b.progress(progressOf(b.lane.members[0].generation, seq, b.total, time.Since(b.begun)))
}

func progressOf(generation int, done, total uint64, took time.Duration) Progress {
	total = max(total, done)
	p := Progress{Generation: generation, Done: done, Total: total}
	if took > 0 {
		p.PerSecond = float64(done) / took.Seconds()
	}
	if p.PerSecond > 0 {
		p.Left = time.Duration(float64(total-done) / p.PerSecond * float64(time.Second))
	}
	return p
}

// fill applies the log until the lane is within one batch of the end.
func (b *builder) fill(ctx context.Context, end func(context.Context) (uint64, error)) error {
	for {
		total, err := end(ctx)
		if err != nil {
			return fmt.Errorf("read end of log: %w", err)
		}
		if b.total = total; total <= b.lane.seq() {
			return nil
		}
		near := total-b.lane.seq() <= uint64(b.p.cfg.BatchMax)
		if err := b.lane.run(ctx, total); err != nil {
			return err
		}
		if near {
			return nil
		}
	}
}

// finish makes the indexes.
func (b *builder) finish(ctx context.Context) error {
	for _, m := range b.lane.members {
		if err := m.def.finish(ctx, b.lane.conn, m.schema); err != nil {
			return err
		}
	}
	return nil
}

// goLive switches the queries over.
func (b *builder) goLive(ctx context.Context) error {
	err := b.meet(ctx, func(tx pgx.Tx) error {
		for _, m := range b.lane.members {
			if err := makeLive(ctx, tx, m.def, m.generation); err != nil {
				return err
			}
		}
		return nil
	})
	b.done = err == nil
	return err
}

// meet brings the lane to the checkpoint of the live generations while these
// stand still: their rows are locked, so that the live lane waits with its
// commit. then runs in the transaction that holds the locks.
func (b *builder) meet(ctx context.Context, then func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, b.p.cfg.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT c.log_epoch, c.seq FROM projection_checkpoint c
			JOIN projection_live l ON l.name = c.name AND l.version = c.version AND l.generation = c.generation
			WHERE c.name = ANY($1) AND NOT c.refused ORDER BY c.name FOR UPDATE OF c`, b.names())
		if err != nil {
			return err
		}
		var logEpoch string
		var seq, target uint64
		if _, err := pgx.ForEachRow(rows, []any{&logEpoch, &seq}, func() error {
			if logEpoch == b.p.cfg.Store.Epoch() {
				target = max(target, seq)
			}
			return nil
		}); err != nil {
			return fmt.Errorf("lock live checkpoints: %w", err)
		}
		if target > 0 {
			if err := b.lane.run(ctx, target); err != nil {
				return err
			}
		}
		return then(tx)
	})
}

// close ends the lane's session, and drops the generations if they did not
// come into use.
func (b *builder) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	defer disconnect(b.lane.conn)
	// A closed session gives its locks back only some time later.
	defer func() { _, _ = b.lane.conn.Exec(ctx, "SELECT pg_advisory_unlock_all()") }() // or with the session
	if b.done {
		return
	}
	err := pgx.BeginFunc(ctx, b.p.cfg.Pool, func(tx pgx.Tx) error {
		for _, m := range b.lane.members {
			if err := dropGeneration(ctx, tx, m.def, m.generation); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.p.cfg.Log.Warn().Err(err).Msg("an unfinished generation is left for the next rebuild to drop")
	}
}
