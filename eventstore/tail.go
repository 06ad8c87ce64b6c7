package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Limits of a tail.
const (
	defaultMaxBatch = 512
	tailMessages    = 2048    // records read ahead of the handler; as many again are on their way
	tailBytes       = 8 << 20 // bytes read ahead of the handler
	tailWaitMax     = 2 * time.Second
)

// TailOptions says how a tail hands records on.
type TailOptions struct {
	MaxBatch int    // records a call at most, but for one larger decision; default 512
	Name     string // for logs
}

// errStuck ends a consumer that brings nothing while the log grows, errTorn
// one that was replaced in the middle of a decision.
var (
	errStuck = errors.New("consumer brings nothing while the log grows")
	errTorn  = errors.New("consumer was replaced in the middle of a decision")
)

// Tail hands every event after a sequence to handle, in order, each once, as
// soon as it is there; it ends only when ctx ends (with its error) or handle
// fails (with that error), or with a *PositionError when the log stays shorter
// than after. Batches hold whole decisions. A slow handler holds back the
// reading. Records may be kept.
//
// A consumer that is lost, stuck or torn is replaced, which is counted and
// logged. A message that is no event comes as a Record without Type (see
// DecodeRecord), logged: the handler decides what to do about it.
func (s *Store) Tail(ctx context.Context, after uint64, opt TailOptions, handle func([]Record) error) error {
	if opt.MaxBatch <= 0 {
		opt.MaxBatch = defaultMaxBatch
	}
	t := &tail{s: s, opt: opt, handle: handle, position: after}
	for try := 0; ; try++ {
		before := t.position
		err := t.follow(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var stop *stopError
		if errors.As(err, &stop) {
			return stop.cause
		}
		if t.position > before {
			try = 0
		}
		s.stats.tailRestarts.Add(1)
		s.cfg.Log.Warn().Err(err).Str("tail", opt.Name).Uint64("position", t.position).Msg("consumer replaced")
		if !errors.Is(err, errStuck) && !errors.Is(err, errTorn) {
			sleep(ctx, min(50*time.Millisecond<<min(try, 10), tailWaitMax))
		}
	}
}

// stopError carries an error that ends the tail for good.
type stopError struct{ cause error }

func (e *stopError) Error() string { return e.cause.Error() }

// tail is one call of Tail.
type tail struct {
	s        *Store
	opt      TailOptions
	handle   func([]Record) error
	position uint64 // of the last record handed on; always the end of a decision
	torn     uint64 // position at which a decision was found torn, to accept it the second time
}

// follow reads with one consumer until something ends it.
func (t *tail) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	consumer, err := t.s.js.OrderedConsumer(ctx, t.s.cfg.Stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   t.position + 1,
	})
	if err != nil {
		return fmt.Errorf("create consumer: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(tailMessages, tailBytes))
	if err != nil {
		return fmt.Errorf("start consumer: %w", err)
	}
	b := newMailbox(t.position, tailMessages, tailBytes)
	r := &tailReader{t: t, messages: messages, box: b, last: t.position}
	done := make(chan struct{}, 2)
	go func() { defer func() { done <- struct{}{} }(); cancel(r.run(ctx)) }()
	go func() { defer func() { done <- struct{}{} }(); cancel(t.guard(ctx, b)) }()
	err = t.pass(ctx, b)
	cancel(err)
	b.close()
	messages.Stop()
	<-done
	<-done
	return context.Cause(ctx)
}

// pass hands on what the mailbox holds until ctx ends or handle fails.
func (t *tail) pass(ctx context.Context, b *mailbox) error {
	for {
		records, err := b.take(ctx, t.opt.MaxBatch)
		if err != nil {
			return err
		}
		if err := t.handle(records); err != nil {
			return &stopError{err}
		}
		t.position = records[len(records)-1].Seq
		t.s.noteSeen(t.position)
		t.s.stats.tailRecords.Add(uint64(len(records)))
	}
}

// guard is the watchdog: it compares the consumer's progress with the log's
// end. Two looks in a row without progress before the end mean that the
// consumer is stuck; three looks at a log that ends before the position mean
// that this is not the log that the position came from.
func (t *tail) guard(ctx context.Context, b *mailbox) error {
	short, before := 0, uint64(0)
	stale := false
	for {
		if !sleep(ctx, t.s.watch) {
			return nil
		}
		end, err := t.s.LastSeq(ctx)
		if err != nil {
			continue
		}
		got := b.progress()
		switch {
		case end < got:
			if short++; short == 3 {
				return &stopError{&PositionError{Position: t.s.Position(got), Epoch: t.s.epoch, Reason: "it is beyond the log's end"}}
			}
			continue
		case end > got && got == before && stale && !b.full():
			return errStuck
		}
		short, stale, before = 0, end > got, got
	}
}

// sleep waits, or returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
