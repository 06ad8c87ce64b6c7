package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/eventstore"
)

// lifeEvents is how many events a no-op task's life has.
const lifeEvents = 3

// lifeEvent returns the i-th of them, as large as the mesh writes it.
func lifeEvent(i int) (kind, data string) {
	switch i {
	case 0:
		return "task.submitted", payload
	case 1:
		return "task.assigned", `{"attempt":1,"agent":"0193a4b2-7c1d-7e3a-9f00-0123456789ab"}`
	default:
		return "task.completed", `{"attempt":1,"agent":"0193a4b2-7c1d-7e3a-9f00-0123456789ab","started_at":"2026-01-01T00:00:00.123456789Z","result":{"inline":{"ok":true}}}`
	}
}

// bareLoop is what a task's life costs without a mesh around it: its three
// events, each expecting the one before, committed in groups by raw NATS. It
// has no domain, no agents and no HTTP.
type bareLoop struct {
	nc    *nats.Conn
	acks  chan *nats.Msg
	inbox string
	queue chan *step
	rows  *bareRows // nil: no read model beside it
}

// step is one event on its way to the log.
type step struct {
	task string
	of   int    // which of the life's events
	last uint64 // expected sequence, then its own
	done chan error
}

// barePlain is the most events that go as plain publishes; more go as a batch.
const barePlain = 16

// bareLives measures the loop alone, and with a read model beside it on the
// Postgres of a mesh, in lives a second.
func bareLives(ctx context.Context, o Options, m *Mesh, n, callers, slots int) (without, with float64, err error) {
	err = withBareLoop(ctx, o.Dir, nil, func(b *bareLoop) error {
		without, err = b.lives(ctx, n, callers, slots)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("bare loop: %w", err)
	}
	rows, err := newBareRows(ctx, m.PG)
	if err != nil {
		return 0, 0, err
	}
	err = withBareLoop(ctx, o.Dir, rows, func(b *bareLoop) error {
		with, err = b.lives(ctx, n, callers, slots)
		return err
	})
	if err = errors.Join(err, rows.close(ctx, n)); err != nil { // nothing is committed any more
		return 0, 0, fmt.Errorf("bare loop with a read model: %w", err)
	}
	return without, with, nil
}

// withBareLoop runs a loop on a NATS of its own, with the mesh's stream.
func withBareLoop(ctx context.Context, dir string, rows *bareRows, do func(*bareLoop) error) error {
	server, err := embedded.StartNATS(embedded.NATSConfig{Dir: filepath.Join(dir, "bare-"+uuid.NewString()), NoListen: true, Log: zerolog.Nop()})
	if err != nil {
		return fmt.Errorf("start NATS: %w", err)
	}
	defer server.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // scratch data
	nc, err := server.Connect(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer nc.Close()
	store, err := eventstore.Open(ctx, nc, eventstore.Config{Stream: "EVENTS", Log: zerolog.Nop()})
	if err != nil {
		return fmt.Errorf("make the stream: %w", err)
	}
	if err := store.Close(ctx); err != nil {
		return err
	}
	b := &bareLoop{nc: nc, acks: make(chan *nats.Msg, barePlain), inbox: nc.NewInbox() + ".", queue: make(chan *step, 4096), rows: rows}
	if _, err := nc.ChanSubscribe(b.inbox+"*", b.acks); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	var all sync.WaitGroup
	defer all.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	all.Go(func() { b.run(ctx) })
	return do(b)
}

// lives returns how many whole lives of tasks a second n of them have: callers
// submit one at a time, and slots tasks are worked on at once.
func (b *bareLoop) lives(ctx context.Context, n, callers, slots int) (float64, error) {
	free := make(chan struct{}, slots)
	errs := make(chan error, n)
	var lives sync.WaitGroup
	rate, err := parallel(callers, n, func(int) error {
		s := &step{task: uuid.NewString(), done: make(chan error, 1)}
		if err := b.put(ctx, s); err != nil {
			return err
		}
		lives.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			for s.of = 1; s.of < lifeEvents; s.of++ {
				if err := b.put(ctx, s); err != nil {
					errs <- err
					return
				}
			}
		})
		return nil
	})
	began := time.Now()
	lives.Wait()
	rest := time.Since(began).Seconds()
	close(errs)
	return float64(n) / (float64(n)/rate + rest), errors.Join(err, <-errs)
}

// put has one event committed.
func (b *bareLoop) put(ctx context.Context, s *step) error {
	b.queue <- s
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run commits what has gathered, group after group.
func (b *bareLoop) run(ctx context.Context) {
	for {
		var group []*step
		select {
		case s := <-b.queue:
			group = append(group, s)
		case <-ctx.Done():
			return
		}
		for len(group) < 1000 && len(b.queue) > 0 {
			group = append(group, <-b.queue)
		}
		err := b.commit(ctx, group)
		if err == nil && b.rows != nil {
			b.rows.add(group)
		}
		for _, s := range group {
			s.done <- err
		}
	}
}

// commit stores a group, and notes the sequences that it got.
func (b *bareLoop) commit(ctx context.Context, group []*step) error {
	id, plain := uuid.NewString(), len(group) <= barePlain
	for i, s := range group {
		m := s.message()
		if plain {
			m.Reply = b.inbox + strconv.Itoa(i)
		} else {
			m.Header["Nats-Batch-Id"], m.Header["Nats-Batch-Sequence"] = []string{id}, []string{strconv.Itoa(i + 1)}
			if i == len(group)-1 {
				m.Reply, m.Header["Nats-Batch-Commit"] = b.inbox+"0", []string{"1"}
			}
		}
		if err := b.nc.PublishMsg(m); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	if !plain {
		_, last, err := b.ack(ctx)
		for i, s := range group {
			s.last = last - uint64(len(group)-1-i)
		}
		return err
	}
	for range group {
		i, seq, err := b.ack(ctx)
		if err != nil {
			return err
		}
		group[i].last = seq
	}
	return nil
}

// ack waits for an acknowledgement: of which message, and its sequence.
func (b *bareLoop) ack(ctx context.Context) (i int, seq uint64, err error) {
	select {
	case m := <-b.acks:
		var ack struct {
			Seq uint64 `json:"seq"`
		}
		if err := errors.Join(acknowledged(m.Data), json.Unmarshal(m.Data, &ack)); err != nil {
			return 0, 0, err
		}
		i, err = strconv.Atoi(m.Subject[len(b.inbox):])
		return i, ack.Seq, err
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
}

func (s *step) message() *nats.Msg {
	e := eventstore.Entity{Tenant: "bench", Kind: "task", ID: s.task}
	kind, data := lifeEvent(s.of)
	m := nats.NewMsg("ev." + e.Tenant + "." + e.Kind + "." + e.ID)
	m.Header = eventstore.EncodeHeader(eventstore.Record{
		Entity: e, ID: uuid.Must(uuid.NewV7()).String(), Type: kind, Schema: 2, Time: time.Now().UTC(), Source: "/mesh",
		Actor: "bench", Command: uuid.NewString(), Index: 1, Count: 1,
	})
	m.Header["Nats-Expected-Last-Subject-Sequence"] = []string{strconv.FormatUint(s.last, 10)}
	m.Data = []byte(data)
	return m
}
