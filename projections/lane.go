package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain/projection"
	"github.com/hivemesh/hivemesh/eventstore"
)

// Limits of a transaction. A lane that has gathered farBehind times its usual
// batch is catching up, and takes the large one.
const (
	bulkBatch = 4_000    // events
	bulkBytes = 16 << 20 // of payloads gathered
	farBehind = 4
)

// A transaction has a fixed cost, and a row that changes twice in one is
// written once. A lane that has at least busyBatch events to write, and less
// than a full transaction, lingers for more, unless a query waits: under load
// that halves the work of Postgres, and when events are few it costs nothing.
const (
	busyBatch = 32 // events
	linger    = 50 * time.Millisecond
)

// grace is how long a transaction may go on after the lane was told to end.
const grace = 5 * time.Second

// errReached ends a lane that was to stop at a sequence.
var errReached = errors.New("reached")

// lane reads the log once for its members and applies it in transactions.
// While Postgres executes one batch, the next one is read and decoded.
type lane struct {
	store   *eventstore.Store
	log     zerolog.Logger
	conn    *pgx.Conn
	members []*member
	max     int              // events in a transaction
	live    bool             // carries out rebuild requests
	moved   func(seq uint64) // after each commit; may be nil
	hurry   <-chan struct{}  // a query waits; may be nil
	asked   func()           // a rebuild was requested; may be nil
	name    string           // for the tail's logs
}

// run applies the log up to and including the event until; 0 means for ever.
// It returns nil when it got there.
func (l *lane) run(ctx context.Context, until uint64) error {
	after := l.seq()
	if until > 0 && after >= until {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	queue := make(chan []*item, 4)
	read := make(chan error, 1)
	go func() {
		read <- l.read(ctx, after, until, queue)
		close(queue)
	}()
	err := l.drain(ctx, queue)
	cancel()
	for range queue { // lets the reader see the end
	}
	if tail := <-read; err == nil {
		err = tail
	}
	if errors.Is(err, errReached) {
		return nil
	}
	return err
}

// seq is the lowest checkpoint of the members.
func (l *lane) seq() uint64 {
	low := l.members[0].seq
	for _, m := range l.members {
		low = min(low, m.seq)
	}
	return low
}

// read feeds the queue with decoded events. The tail cuts at the ends of
// decisions, and so does until.
func (l *lane) read(ctx context.Context, after, until uint64, queue chan<- []*item) error {
	opt := eventstore.TailOptions{MaxBatch: bulkBatch, Name: l.name}
	kinds := l.kinds()
	return l.store.Tail(ctx, after, opt, func(records []eventstore.Record) error {
		items := make([]*item, 0, len(records))
		for _, r := range records {
			if until == 0 || r.Seq <= until {
				items = append(items, decode(r, kinds[r.Entity.Kind]))
			}
		}
		if len(items) > 0 {
			select {
			case queue <- items:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if until > 0 && records[len(records)-1].Seq >= until {
			return errReached
		}
		return nil
	})
}

// drain applies what has gathered in the queue.
func (l *lane) drain(ctx context.Context, queue <-chan []*item) error {
	for batch := range queue {
		batch = l.linger(ctx, gather(batch, queue), queue)
		limit := l.max
		if len(batch) >= farBehind*l.max {
			limit = max(l.max, bulkBatch)
		}
		for len(batch) > 0 {
			n := cut(batch, limit)
			if err := l.apply(ctx, batch[:n]); err != nil {
				return err
			}
			batch = batch[n:]
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// gather adds what is ready to batch without waiting.
func gather(batch []*item, queue <-chan []*item) []*item {
	size := 0
	for len(batch) < bulkBatch && size < bulkBytes {
		select {
		case more, ok := <-queue:
			if !ok {
				return batch
			}
			for _, it := range more {
				size += len(it.Data)
			}
			batch = append(batch, more...)
		default:
			return batch
		}
	}
	return batch
}

// linger waits for more when there is much to write, but not a full transaction.
func (l *lane) linger(ctx context.Context, batch []*item, queue <-chan []*item) []*item {
	if len(batch) < busyBatch || len(batch) >= l.max {
		return batch
	}
	t := time.NewTimer(linger)
	defer t.Stop()
	for len(batch) < l.max {
		select {
		case more, ok := <-queue:
			if !ok {
				return batch
			}
			batch = append(batch, more...)
		case <-l.hurry:
			return gather(batch, queue)
		case <-t.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// cut returns how many events form the next transaction: at most limit unless
// one decision is longer, and an operator's request alone.
func cut(batch []*item, limit int) int {
	n := 0
	for n < len(batch) {
		end := decisionEnd(batch, n)
		if batch[n].action != nil {
			if n == 0 {
				return end
			}
			return n
		}
		if end > limit && n > 0 {
			return n
		}
		n = end
	}
	return n
}

// apply commits one batch. Infrastructure errors end the lane: it is opened
// again from its checkpoint. Poison is found by going event by event.
func (l *lane) apply(ctx context.Context, batch []*item) error {
	ctx, cancel := lingering(ctx)
	defer cancel()
	var err error
	if batch[0].action != nil {
		err = l.slow(ctx, batch)
	} else if err = l.fast(ctx, batch); isPoison(err) {
		l.log.Warn().Err(err).Uint64("from", batch[0].Seq).Msg("a batch failed by its data: going event by event")
		err = l.slow(ctx, batch)
	}
	if err != nil {
		return fmt.Errorf("apply events %d to %d: %w", batch[0].Seq, batch[len(batch)-1].Seq, fenced(err))
	}
	last := batch[len(batch)-1]
	for _, m := range l.members {
		if last.Seq > m.seq {
			m.committed(last)
		}
		if len(m.parked) > maxParked {
			return fmt.Errorf("%w: %s", errTooManyParked, m.def.name)
		}
	}
	if l.moved != nil {
		l.moved(last.Seq)
	}
	if _, ok := last.action.(projection.RebuildRequested); ok && l.asked != nil {
		l.asked()
	}
	if l.live {
		return l.tend(ctx, batch)
	}
	return nil
}

// kinds are those whose payload a member needs, or the lane itself.
func (l *lane) kinds() map[string]bool {
	kinds := map[string]bool{"projection": true}
	for _, m := range l.members {
		for _, k := range m.def.kinds {
			kinds[k] = true
		}
	}
	return kinds
}

// tend lets the members tend their indexes that one of the events concerns;
// all of them when it is given none.
func (l *lane) tend(ctx context.Context, batch []*item) error {
	for _, m := range l.members {
		if m.def.tend == nil {
			continue
		}
		if batch != nil && !slices.ContainsFunc(batch, func(it *item) bool { return slices.Contains(m.def.tends, it.Entity.Kind) }) {
			continue
		}
		if err := m.def.tend(ctx, l.conn, m.schema); err != nil {
			return fmt.Errorf("tend the indexes of %s: %w", m.def.name, err)
		}
	}
	return nil
}

// lingering returns a context that outlives ctx by a grace, so that the
// running transaction is finished and not torn.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-out.Done():
		}
	})
	return out, func() { stop(); cancel() }
}

// fast writes the whole batch with few statements and one round trip; the
// statements between two syncs of the protocol are one transaction.
func (l *lane) fast(ctx context.Context, batch []*item) error {
	todo := make([][]*item, len(l.members))
	var reads, writes pgx.Batch
	for i, m := range l.members {
		todo[i] = m.plan(batch)
		m.model.load(&reads, m.schema, todo[i])
	}
	if err := send(ctx, l.conn, &reads); err != nil {
		return fmt.Errorf("load rows: %w", err)
	}
	last := batch[len(batch)-1]
	for i, m := range l.members {
		for _, it := range todo[i] {
			if err := m.model.fold(it); err != nil {
				return &poison{it.Seq, err}
			}
		}
		m.model.flush(&writes, m.schema)
		m.flushParked(&writes)
		if last.Seq > m.seq {
			m.advance(&writes, l.store.Epoch(), last)
		}
	}
	return send(ctx, l.conn, &writes)
}

// send executes a batch of statements and returns the first error.
func send(ctx context.Context, q querier, b *pgx.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	return q.SendBatch(ctx, b).Close()
}
