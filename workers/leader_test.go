package workers

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
)

// candidate makes a leadership over a real bucket, and a way to let it be ready.
func candidate(t *testing.T) (l *leadership, ready func()) {
	t.Helper()
	ctx := context.Background()
	nc, err := embeddedtest.NATS(t).Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := CreateLeases(ctx, js, 1)
	if err != nil {
		t.Fatal(err)
	}
	open := make(chan struct{})
	return &leadership{
		kv: kv, me: claim{Node: "n1", Run: "r1"}, ttl: time.Minute, now: time.Now, ready: open, log: zerolog.Nop(),
		end: func(context.Context) (uint64, error) { return 7, nil },
	}, func() { close(open) }
}

func TestOnlyANodeThatIsReadyTriesToLead(t *testing.T) {
	t.Parallel()
	l, ready := candidate(t)
	l.step(t.Context())
	if l.seen.held || l.seen.node != "" {
		t.Fatalf("it leads: %+v", l.seen)
	}
	ready()
	l.step(t.Context())
	if !l.seen.holds(time.Now()) || l.seen.node != "n1" || l.seen.term != l.rev || l.seen.end != 7 {
		t.Fatalf("it does not lead: %+v", l.seen)
	}
	term := l.seen.term
	l.step(t.Context())
	if !l.seen.holds(time.Now()) || l.seen.term != term || l.rev == term {
		t.Errorf("renewed: %+v", l.seen)
	}
}

func TestALeaderStopsWhenItsEntryIsNotItsOwn(t *testing.T) {
	t.Parallel()
	l, ready := candidate(t)
	ready()
	l.step(t.Context())
	if _, err := l.kv.Update(t.Context(), leaseKey, l.value(), l.rev); err != nil {
		t.Fatal(err)
	}
	sent := l.seen.sent
	l.step(t.Context())
	if !l.seen.held || l.seen.sent != sent {
		t.Fatalf("a renewal whose answer was lost: %+v", l.seen)
	}
	l.step(t.Context())
	if !l.seen.held || !l.seen.sent.After(sent) {
		t.Fatalf("the renewal after it: %+v", l.seen)
	}
	if _, err := l.kv.Put(t.Context(), leaseKey, []byte(`{"node":"n2","run":"r2","term":9}`)); err != nil {
		t.Fatal(err)
	}
	l.step(t.Context())
	if l.seen.held || l.rev != 0 {
		t.Fatalf("it still leads: %+v", l.seen)
	}
	l.step(t.Context())
	if l.seen.held || l.seen.node != "n2" || l.seen.term != 9 {
		t.Errorf("who leads: %+v", l.seen)
	}
}

func TestALeasePermitsEffectsOnlyInItsTime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := leadership{ttl: 10 * time.Second, rev: 1}
	l.seen.held = true
	l.renewed(now, now)
	if !l.seen.holds(now.Add(7999 * ms)) {
		t.Error("over too early")
	}
	if l.seen.holds(now.Add(8001 * ms)) {
		t.Error("over too late")
	}
	l.renewed(now.Add(4*time.Second), now)
	if l.seen.late {
		t.Error("a renewal in time is late")
	}
	if l.renewed(now.Add(10*time.Second), now); !l.seen.late {
		t.Error("a late renewal is not late")
	}
}

func TestAgentsGetAFullWindowAfterABreak(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	now := start.Add(5*time.Second + 1)
	begin := func() *Coordinator {
		c := New(Config{Now: func() time.Time { return now }})
		c.lastTick, c.lease.term, c.acting = start, 1, true
		return c
	}
	tests := []struct {
		name   string
		happen func(c *Coordinator)
		since  time.Time
		acting bool
	}{
		{"a tick in time", func(c *Coordinator) { c.tick(start.Add(5 * time.Second)) }, time.Time{}, true},
		{"a late tick", func(c *Coordinator) { c.tick(now) }, now, true},
		{"a take-over", func(c *Coordinator) { c.takeOver(now) }, now, true},
		{"a renewal in time", func(c *Coordinator) { c.leaseSeen(lease{term: 1, sent: now}, now) }, time.Time{}, true},
		{"a late renewal", func(c *Coordinator) { c.leaseSeen(lease{term: 1, sent: now, late: true}, now) }, now, true},
		{"another term", func(c *Coordinator) { c.leaseSeen(lease{term: 2, sent: now}, now) }, time.Time{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := begin()
			tt.happen(c)
			if !c.live.since.Equal(tt.since) || !c.fleet.leasesFrom.Equal(tt.since) || c.acting != tt.acting {
				t.Errorf("windows begin at %s, acting: %t", c.live.since, c.acting)
			}
		})
	}
}

func TestATakeOverLooksAtEverything(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.join("a1", 1)
	w := l.hold("t1", task.Spec{Lease: 10_000}, "a1")
	l.after(time.Hour) // due while this node follows
	c := New(Config{})
	c.fleet = l.fleet
	c.takeOver(l.now)
	if w.inTimers == 0 || !w.due.Equal(l.now) {
		t.Error("the task is not looked at")
	}
	if e, _ := l.fleet.review(w, l.now); e != rehint {
		t.Errorf("%s is due, want a hint and a fresh lease", e)
	}
}

func TestHeartbeatsAreBounded(t *testing.T) {
	t.Parallel()
	var b beats
	for i := range maxBeats + 10 {
		b.put(key{tenant, strconv.Itoa(i)}, nil)
	}
	b.put(key{tenant, "1"}, []Held{{"t1", 1}})
	latest, lost := b.take()
	if len(latest) != maxBeats || lost != 10 || len(latest[key{tenant, "1"}]) != 1 {
		t.Errorf("%d kept, %d lost", len(latest), lost)
	}
	if again, _ := b.take(); len(again) != 0 {
		t.Errorf("%d are left", len(again))
	}
}
