package projections_test

import (
	"testing"

	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/document"
	"github.com/hivemesh/hivemesh/domain/embedding"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

func TestRebuildEqualsLive(t *testing.T) {
	t.Parallel()
	missing := map[string]bool{}
	for typ := range task.Decoders {
		missing[typ] = true
	}
	for typ := range agent.Decoders {
		missing[typ] = true
	}
	for typ := range identity.Decoders {
		missing[typ] = true
	}
	for typ := range memory.Decoders {
		missing[typ] = true
	}
	for typ := range document.Decoders {
		missing[typ] = true
	}
	for typ := range embedding.Decoders {
		missing[typ] = true
	}
	for seed := range uint64(2) {
		b := setup(t)
		run(t, b.p)
		if err := projectionstest.New(seed).Append(t.Context(), b.store, 2500); err != nil {
			t.Fatal(err)
		}
		b.caughtUp(t)
		names := b.names(t)
		var before []string
		for _, n := range names {
			before = append(before, b.hash(t, n))
			v, err := b.p.Verify(t.Context(), n, nil)
			if err != nil || !v.Equal {
				t.Fatalf("seed %d: %+v, %v", seed, v, err)
			}
			if v.Rows == 0 {
				t.Fatalf("%s has no row: the histories of projectionstest have no event that it shows", n)
			}
		}
		if err := b.p.Rebuild(t.Context(), "", nil); err != nil {
			t.Fatal(err)
		}
		for i, n := range names {
			if h := b.hash(t, n); h != before[i] {
				t.Errorf("seed %d: %s live %s, rebuilt %s", seed, n, before[i], h)
			}
		}
		for _, typ := range b.types(t) {
			delete(missing, typ)
		}
	}
	for typ := range missing {
		t.Errorf("no read model has met %s: let the histories of projectionstest have it", typ)
	}
}

// TestApplyTwice sets the checkpoints back by hand: events that are applied
// again change nothing.
func TestApplyTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stop := run(t, b.p)
	if err := projectionstest.New(5).Append(t.Context(), b.store, 800); err != nil {
		t.Fatal(err)
	}
	last := b.caughtUp(t)
	stop()
	names := b.names(t)
	var before []string
	for _, n := range names {
		before = append(before, b.hash(t, n))
	}
	for _, back := range []uint64{last / 2, 0} {
		if _, err := b.pool.Exec(t.Context(), `UPDATE projection_checkpoint SET seq = $1, event_id =
			coalesce((SELECT id FROM `+b.schema(t, "events")+`.event WHERE seq = $1), '')`, back); err != nil {
			t.Fatal(err)
		}
		b.p = b.open(t, b.store)
		stop := run(t, b.p)
		b.caughtUp(t)
		stop()
		for i, n := range names {
			if h := b.hash(t, n); h != before[i] {
				t.Errorf("%s after applying events from %d on again: %s, before %s", n, back, h, before[i])
			}
		}
		if h := b.p.Health(); h.Parked > 0 {
			t.Errorf("%d events are parked", h.Parked)
		}
	}
}
