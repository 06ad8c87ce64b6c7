package crash_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// startLoad submits tasks to nodes, 25 a second each of four submitters, until
// stop is called or ctx ends.
func startLoad(ctx context.Context, t *testing.T, nodes ...*client.Client) (j *journal, stop func()) {
	t.Helper()
	j = &journal{acked: map[string]client.Receipt{}}
	ctx, cancel := context.WithCancel(ctx)
	var submitters sync.WaitGroup
	for i := range 4 {
		submitters.Go(func() { j.submit(ctx, nodes, i) })
	}
	stop = func() { cancel(); submitters.Wait() }
	t.Cleanup(stop)
	return j, stop
}

// feed keeps the events that a node tells, as they come.
type feed struct {
	mu     sync.Mutex
	events []client.Event
	more   chan struct{} // closed and replaced when there are more
}

// follow reads the whole log of a node, and what follows, until the test ends.
func follow(t *testing.T, c *client.Client) *feed {
	t.Helper()
	f := &feed{more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() {
		err := c.Subscribe(ctx, client.SubscribeOptions{After: client.FromStart}, func(e client.Event) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, e)
			close(f.more)
			f.more = make(chan struct{})
			return nil
		})
		if ctx.Err() == nil {
			t.Errorf("the feed ended: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); reading.Wait() })
	return f
}

// times returns when the events of a type happened, in the order of the log.
func (f *feed) times(eventType string) []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []time.Time
	for _, e := range f.events {
		if e.Type == eventType {
			out = append(out, e.Time)
		}
	}
	return out
}

// last returns the newest event.
func (f *feed) last() client.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events) == 0 {
		return client.Event{}
	}
	return f.events[len(f.events)-1]
}

// await waits until the feed has so many events of a type since a time.
func (f *feed) await(ctx context.Context, t *testing.T, eventType string, since time.Time, n int) {
	t.Helper()
	for {
		f.mu.Lock()
		more := f.more
		f.mu.Unlock()
		got := 0
		for _, at := range f.times(eventType) {
			if at.After(since) {
				got++
			}
		}
		if got >= n {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("%d events %s since %s, want %d: %v", got, eventType, since, n, ctx.Err())
		}
	}
}

// longestGap returns the longest time without an event of a type that ended
// after since.
func (f *feed) longestGap(eventType string, since time.Time) time.Duration {
	var longest time.Duration
	times := f.times(eventType)
	for i := 1; i < len(times); i++ {
		if times[i].After(since) {
			longest = max(longest, times[i].Sub(times[i-1]))
		}
	}
	return longest
}

// seqOf returns the sequence in a position.
func seqOf(position string) uint64 {
	n, _ := strconv.ParseUint(position[strings.LastIndexByte(position, '.')+1:], 10, 64) // 0 before everything
	return n
}

// caughtUp waits until every read model has reached seq, and returns how long
// that took.
func (n *node) caughtUp(ctx context.Context, t *testing.T, seq uint64) time.Duration {
	t.Helper()
	began := time.Now()
	eventually(ctx, t, "the read models have caught up", func() error {
		states, err := n.client.Projections(ctx)
		if err != nil {
			return err
		}
		for _, s := range states {
			if s.Status != "live" || seqOf(s.Position) < seq || s.Parked > 0 {
				return fmt.Errorf("%+v, want %d", s, seq)
			}
		}
		return nil
	})
	return time.Since(began)
}
