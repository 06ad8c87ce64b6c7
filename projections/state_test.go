package projections_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// TestStall lets time pass while the log grows and nobody feeds the read models.
func TestStall(t *testing.T) {
	t.Parallel()
	b := &bundle{store: newStore(t), pool: newPool(t, embeddedtest.PostgresURL(t))}
	var later atomic.Int64
	p, err := projections.Open(t.Context(), projections.Config{
		Pool: b.pool, Store: b.store, Log: zerolog.Nop(),
		Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := projectionstest.New(60).Append(t.Context(), b.store, 10); err != nil {
		t.Fatal(err)
	}
	status := func() string {
		t.Helper()
		states, err := p.States(t.Context())
		if err != nil || states[0].Lag == 0 || states[0].LagTime == 0 {
			t.Fatalf("%+v, %v", states, err)
		}
		return states[0].Status
	}
	if s := status(); s != "behind" {
		t.Errorf("at first: %s", s)
	}
	later.Store(int64(31 * time.Second))
	if s := status(); s != "stalled" || !p.Health().Stalled {
		t.Errorf("after 31 s: %s", s)
	}
	run(t, p)
	b.p = p
	b.caughtUp(t)
	eventually(t, "health", func() bool { h := p.Health(); return !h.Stalled && h.Lag == 0 && h.LagTime == 0 })
}

// TestTooManyParked stops one projection only, and says so.
func TestTooManyParked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO projection_parked (name, version, generation, key, seq, party, event_id, event_type, error, behind)
		SELECT name, version, generation, 'default/task/' || n, n, 'default/task/' || n, '', '', 'made up', false
		FROM projection_live, generate_series(1, 10001) n WHERE name = 'tasks'`); err != nil {
		t.Fatal(err)
	}
	run(t, b.p)
	if err := projectionstest.New(61).Append(t.Context(), b.store, 50); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one stopped, the others live", func() bool {
		states, err := b.p.States(t.Context())
		if err != nil {
			return false
		}
		for _, s := range states {
			stopped := s.Status == "stopped" && strings.Contains(s.Error, "10000 entities") && s.Seq == 0
			if s.Name == "tasks" && !stopped || s.Name != "tasks" && s.Lag != 0 {
				return false
			}
		}
		return true
	})
	if err := b.p.Rebuild(t.Context(), "tasks", nil); err != nil {
		t.Fatal(err)
	}
	b.caughtUp(t)
	b.mustVerify(t)
}

// TestProgress watches a rebuild from outside and inside.
func TestProgress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	if err := projectionstest.New(62).Append(t.Context(), b.store, 500); err != nil {
		t.Fatal(err)
	}
	last := b.caughtUp(t)
	var seen []projections.Progress
	if err := b.p.Rebuild(t.Context(), "tasks", func(p projections.Progress) { seen = append(seen, p) }); err != nil {
		t.Fatal(err)
	}
	if n := len(seen); n == 0 || seen[n-1].Done != last || seen[n-1].Total != last || seen[n-1].PerSecond <= 0 || seen[n-1].Generation != 2 {
		t.Errorf("progress %+v", seen)
	}
	if err := b.p.Rebuild(t.Context(), "nothing", nil); err == nil {
		t.Error("an unknown read model was rebuilt")
	}
}
