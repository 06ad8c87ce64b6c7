package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/eventstore"
)

// How much each run of the append benchmark writes.
const (
	appendCallers = 1024
	appendEvents  = 40_000
	plainEvents   = 4_000
	singleEvents  = 1_000
)

// appends compares the event store with raw publishing to a stream of the
// same configuration, on one server, in turn: sync always, headers identical.
func appends(ctx context.Context, o Options) error {
	server, err := embedded.StartNATS(embedded.NATSConfig{Dir: filepath.Join(o.Dir, "append"), NoListen: true, Log: zerolog.Nop()})
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
		return fmt.Errorf("open the log: %w", err)
	}
	defer store.Close(context.WithoutCancel(ctx)) //nolint:errcheck // scratch data
	return compareAppends(ctx, o, nc, store)
}

func compareAppends(ctx context.Context, o Options, nc *nats.Conn, store *eventstore.Store) error {
	var one, rawOne, many, plain, batch, stale sample
	measures := []struct {
		into *sample
		run  func() (float64, error)
	}{
		{&rawOne, func() (float64, error) { return single(singleEvents, func() error { return publish(ctx, nc) }) }},
		{&one, func() (float64, error) { return single(singleEvents, func() error { return appendOne(ctx, store) }) }},
		{&plain, func() (float64, error) {
			return parallel(appendCallers, plainEvents, func(int) error { return publish(ctx, nc) })
		}},
		{&many, func() (float64, error) {
			return parallel(appendCallers, appendEvents, func(int) error { return appendOne(ctx, store) })
		}},
		{&stale, func() (float64, error) { return someStale(ctx, store) }},
		{&batch, func() (float64, error) { return batches(ctx, nc, appendEvents/1000) }},
	}
	for range o.Runs {
		for _, m := range measures {
			v, err := m.run()
			if err != nil {
				return err
			}
			*m.into = append(*m.into, v)
		}
	}
	o.Report(figure("append_1_caller_p50", "ms", one, "raw publish", rawOne))
	o.Report(figure("append_1024_callers", "events/s", many, "plain publishes, 1024 callers", plain))
	o.Report(figure("append_1024_callers", "events/s", many, "raw batches of 1000", batch))
	o.Report(figure("append_1024_callers_5_percent_stale", "events/s", stale, "append_1024_callers", many))
	return nil
}

// single returns the median time of one call in ms.
func single(n int, call func() error) (float64, error) {
	s := make(sample, 0, n)
	for range n {
		began := time.Now()
		if err := call(); err != nil {
			return 0, err
		}
		s = append(s, ms(time.Since(began)))
	}
	return s.median(), nil
}

// parallel returns the calls per second of a number of callers.
func parallel(callers, n int, call func(i int) error) (float64, error) {
	errs := make(chan error, callers)
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				if err := call(i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	close(errs)
	return perSecond(n, took), <-errs
}

// payload is a task of common size.
const payload = `{"queue":"default","capabilities":["noop"],"priority":0,"input":{"inline":{"n":1}},"lease_ms":30000,"retry":{"max_attempts":3,"backoff_ms":1000,"max_backoff_ms":60000,"jitter":0.2},"request_hash":"0123456789abcdef0123456789abcdef"}`

func entity() eventstore.Entity {
	return eventstore.Entity{Tenant: "bench", Kind: "task", ID: uuid.NewString()}
}

func decision(e eventstore.Entity, expect uint64) eventstore.Decision {
	return eventstore.Decision{
		Command: eventstore.Command{ID: uuid.NewString(), Actor: "bench"},
		Writes: []eventstore.Write{{Entity: e, Expect: expect, Events: []eventstore.NewEvent{
			{Type: "task.submitted", Schema: 2, Data: []byte(payload)},
		}}},
	}
}

func appendOne(ctx context.Context, store *eventstore.Store) error {
	_, err := store.Append(ctx, decision(entity(), 0))
	return err
}

// someStale appends with every twentieth expectation wrong, in a way that the
// committer cannot know, and checks that just those are refused.
func someStale(ctx context.Context, store *eventstore.Store) (float64, error) {
	var refused atomic.Int64
	rate, err := parallel(appendCallers, appendEvents, func(i int) error {
		if i%20 != 0 {
			return appendOne(ctx, store)
		}
		var conflict *eventstore.ConflictError
		_, err := store.Append(ctx, decision(entity(), 1))
		if !errors.As(err, &conflict) {
			return fmt.Errorf("a stale append was not refused: %w", err)
		}
		refused.Add(1)
		return nil
	})
	if err == nil && refused.Load() != appendEvents/20 {
		err = fmt.Errorf("%d appends were refused, %d were stale", refused.Load(), appendEvents/20)
	}
	return rate, err
}

// message is the same event as appendOne's, made by hand.
func message() *nats.Msg {
	e := entity()
	m := nats.NewMsg("ev." + e.Tenant + "." + e.Kind + "." + e.ID)
	m.Header = eventstore.EncodeHeader(eventstore.Record{
		Entity: e, ID: uuid.Must(uuid.NewV7()).String(), Type: "task.submitted", Schema: 2, Time: time.Now().UTC(), Source: "/mesh",
		Actor: "bench", Command: uuid.NewString(), Index: 1, Count: 1,
	})
	m.Header["Nats-Expected-Last-Subject-Sequence"] = []string{"0"}
	m.Data = []byte(payload)
	return m
}

// publish is a plain publish that waits for its acknowledgement.
func publish(ctx context.Context, nc *nats.Conn) error {
	answer, err := nc.RequestMsgWithContext(ctx, message())
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return acknowledged(answer.Data)
}

// batches publishes atomic batches of 1,000 one after the other (NATS ADR-50)
// and returns events per second.
func batches(ctx context.Context, nc *nats.Conn, n int) (float64, error) {
	const size = 1000
	began := time.Now()
	for range n {
		id := uuid.NewString()
		for i := range size {
			m := message()
			m.Header["Nats-Batch-Id"] = []string{id}
			m.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
			if i < size-1 {
				if err := nc.PublishMsg(m); err != nil {
					return 0, fmt.Errorf("publish: %w", err)
				}
				continue
			}
			m.Header["Nats-Batch-Commit"] = []string{"1"}
			answer, err := nc.RequestMsgWithContext(ctx, m)
			if err != nil {
				return 0, fmt.Errorf("commit a batch: %w", err)
			}
			if err := acknowledged(answer.Data); err != nil {
				return 0, err
			}
		}
	}
	return perSecond(n*size, time.Since(began)), nil
}

func acknowledged(data []byte) error {
	var ack struct {
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(data, &ack); err != nil {
		return fmt.Errorf("read an acknowledgement: %w", err)
	}
	if ack.Error != nil {
		return fmt.Errorf("refused: %s", ack.Error.Description)
	}
	return nil
}
