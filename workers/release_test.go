package workers

import (
	"context"
	"testing"
	"time"
)

// TestAReleasedLeaseIsTakenAtOnce has a tick of the poll come after 15 s only.
func TestAReleasedLeaseIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	first, ready := candidate(t)
	ready()
	first.step(t.Context())
	if !first.seen.held {
		t.Fatal("the first one does not lead")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	defer func() { cancel(); <-ended }()
	seen := make(chan lease)
	second := &leadership{
		kv: first.kv, me: claim{Node: "n2", Run: "r2"}, ttl: first.ttl, now: time.Now, ready: first.ready, end: first.end,
		log: first.log, out: seen,
	}
	go func() { second.run(ctx); close(ended) }()
	if got := <-seen; got.held || got.node != "n1" {
		t.Fatalf("at first: %+v", got)
	}
	if got := <-seen; got.held || got.node != "n1" { // it was told that all is ready
		t.Fatalf("then: %+v", got)
	}
	began := time.Now()
	first.resign(t.Context())
	late := time.After(10 * time.Second)
	for {
		select {
		case got := <-seen:
			if got.held {
				t.Logf("taken over after %s", time.Since(began))
				return
			}
		case <-late:
			t.Fatal("the lease was not taken")
		}
	}
}
