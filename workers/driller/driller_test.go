package driller_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/domain/drill"
	"github.com/hivemesh/hivemesh/workers/driller"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestSchedule: the first drill comes soon, the next after a week, one that
// failed is tried again after an hour; outcomes are events, which another node
// goes by.
func TestSchedule(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	c := &clock{now: time.Now()}
	tick, drills := make(chan time.Time), 0
	var outcome drill.Event = drill.Passed{Log: "a log", Events: 5, AllSeconds: 70, ServeSeconds: 60, LossSeconds: 8}
	cfg := driller.Config{
		Store: m.Store, Leads: func() bool { return true }, Every: 7 * 24 * time.Hour, Now: c.Now, Tick: tick,
		Drill: func(context.Context) (drill.Event, error) { drills++; return outcome, nil },
		Record: func(ctx context.Context, e drill.Event) error {
			_, err := m.Commands.EndDrill(ctx, e)
			return err
		},
	}
	d := runDriller(t, cfg)
	look := func(want int, what string) {
		t.Helper()
		tick <- c.Now()
		tick <- c.Now() // the one before is done
		if drills != want {
			t.Fatalf("%s: %d drills, not %d", what, drills, want)
		}
	}
	look(0, "at once")
	c.add(9 * time.Minute)
	look(0, "too soon")
	c.add(time.Minute)
	look(1, "the first")
	apitest.Eventually(t, func() bool { return d.State().Passed.AllSeconds == 70 })
	c.add(6 * 24 * time.Hour)
	look(1, "within the week")
	outcome = drill.Failed{Reason: "a segment is damaged"}
	c.add(25 * time.Hour)
	look(2, "a week later")
	apitest.Eventually(t, func() bool { s := d.State(); return s.Failed == "a segment is damaged" && s.Passed.AllSeconds == 70 })
	c.add(59 * time.Minute)
	look(2, "within the hour")
	outcome = drill.Passed{Log: "a log", Events: 6, AllSeconds: 71, ServeSeconds: 60}
	c.add(2 * time.Minute)
	look(3, "an hour after one that failed")
	apitest.Eventually(t, func() bool { return d.State().Failed == "" })
	other := cfg
	other.Tick = make(chan time.Time)
	second := runDriller(t, other)
	apitest.Eventually(t, func() bool { return second.State().Passed.AllSeconds == 71 })
}

// A node that does not lead drills nothing.
func TestOnlyTheLeaderDrills(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	c := &clock{now: time.Now()}
	tick := make(chan time.Time)
	runDriller(t, driller.Config{
		Store: m.Store, Leads: func() bool { return false }, Every: time.Hour, Now: c.Now, Tick: tick,
		Drill:  func(context.Context) (drill.Event, error) { t.Error("it drills"); return nil, errors.New("no") },
		Record: func(context.Context, drill.Event) error { return nil },
	})
	for range 5 {
		c.add(24 * time.Hour)
		tick <- c.Now()
	}
}

func runDriller(t *testing.T, cfg driller.Config) *driller.Driller {
	t.Helper()
	d := driller.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return d
}
