package limit_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/auth/limit"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_800_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// However the requests fall, no interval of length t sees more than the burst
// and t times the rate.
func TestLimiterNeverAllowsMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, burst := newClock(), rapid.IntRange(1, 20).Draw(t, "burst")
		perSecond := rapid.Float64Range(0.1, 50).Draw(t, "rate")
		l := limit.NewLimiter(limit.Quota{PerSecond: perSecond, Burst: burst}, c.now)
		var allowed []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			c.pass(time.Duration(rapid.IntRange(0, 400).Draw(t, "ms")) * time.Millisecond)
			v := l.Take("k")
			if v.Allowed {
				allowed = append(allowed, c.now())
			} else if v.RetryAfter <= 0 {
				t.Fatal("refused without a time to wait")
			}
		}
		for i := range allowed {
			for j := i; j < len(allowed); j++ {
				if most := float64(burst) + perSecond*allowed[j].Sub(allowed[i]).Seconds() + 1e-6; float64(j-i+1) > most {
					t.Fatalf("%d within %v, at most %.2f", j-i+1, allowed[j].Sub(allowed[i]), most)
				}
			}
		}
	})
}

func TestRetryAfterIsEnough(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := limit.NewLimiter(limit.Quota{PerSecond: 0.5, Burst: 2}, c.now)
	l.Take("k")
	l.Take("k")
	v := l.Take("k")
	if v.Allowed || v.Remaining != 0 || v.Limit != 2 {
		t.Fatalf("%+v", v)
	}
	c.pass(v.RetryAfter - time.Millisecond)
	if l.Take("k").Allowed {
		t.Error("allowed too early")
	}
	c.pass(2 * time.Millisecond)
	if !l.Take("k").Allowed {
		t.Error("refused after the time to wait")
	}
}

// A flood of new keys makes room among themselves: who is limited stays so.
func TestFloodDoesNotFree(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := limit.NewLimiter(limit.Quota{PerSecond: 0.001, Burst: 5}, c.now)
	for range 6 {
		l.Take("attacker")
	}
	for i := range 200_000 {
		l.Take(fmt.Sprint("new-", i))
	}
	if l.Take("attacker").Allowed {
		t.Error("the attacker's bucket was dropped")
	}
}

func TestNoQuotaIsNoLimit(t *testing.T) {
	t.Parallel()
	l := limit.NewLimiter(limit.Quota{}, nil)
	for range 1000 {
		if !l.Take("k").Allowed {
			t.Fatal("refused")
		}
	}
}

func TestAddressKey(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::/64",
		"2001:db8::ffff:1": "2001:db8::/64", "2001:db8:0:1::1": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := limit.AddressKey(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

var (
	home     = netip.MustParseAddr("192.0.2.7")
	stranger = netip.MustParseAddr("198.51.100.9")
)

func TestWaitsGrow(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := limit.NewLockout(c.now)
	for i := range 5 {
		if locked, _ := l.Failed("alice", stranger); locked {
			t.Fatalf("locked after %d failures", i+1)
		}
	}
	want := time.Second
	for range 15 {
		locked, wait := l.Failed("alice", stranger)
		if !locked || wait != want || l.Check("alice", stranger) != want {
			t.Fatalf("%v %v, want %v", locked, wait, want)
		}
		c.pass(wait)
		if l.Check("alice", stranger) != 0 {
			t.Fatal("still locked after the wait")
		}
		want = min(2*want, 15*time.Minute)
	}
	if l.Check("bob", stranger) != 0 || l.Check("alice", home) != 0 {
		t.Error("others have to wait, too")
	}
}

// Given alice who has logged in from home, when strangers fail at her login
// from everywhere, then strangers wait and she does not.
func TestStrangersCannotLockAliceOut(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := limit.NewLockout(c.now)
	l.Succeeded("alice", home)
	for i := range 200 {
		l.Failed("alice", netip.AddrFrom4([4]byte{198, 51, byte(i), 1}))
	}
	if wait := l.Check("alice", home); wait != 0 {
		t.Errorf("alice waits %v at home", wait)
	}
	if wait := l.Check("alice", netip.MustParseAddr("203.0.113.1")); wait == 0 {
		t.Error("a new place may go on guessing")
	}
}

func TestSuccessForgets(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := limit.NewLockout(c.now)
	for range 7 {
		l.Failed("alice", home)
	}
	c.pass(time.Minute)
	l.Succeeded("alice", home)
	for i := range 5 {
		if locked, _ := l.Failed("alice", home); locked {
			t.Errorf("locked after %d failures", i+1)
		}
	}
}

func TestDenialsCollapse(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := limit.NewDenials[string](c.now)
	d.Add("a", "first")
	if due := d.Due(false); len(due) != 1 || due[0].Count != 1 {
		t.Fatalf("the first is not told at once: %+v", due)
	}
	for range 1000 {
		d.Add("a", "again")
	}
	if due := d.Due(false); len(due) != 0 {
		t.Fatalf("told within the minute: %+v", due)
	}
	c.pass(time.Minute)
	if due := d.Due(false); len(due) != 1 || due[0].Count != 1000 || due[0].Reason != "again" {
		t.Fatalf("%+v", due)
	}
	d.Add("a", "last")
	if due := d.Due(true); len(due) != 1 || due[0].Count != 1 {
		t.Errorf("not told at the end: %+v", due)
	}
	for i := range 20_000 {
		d.Add(fmt.Sprint(i), "x")
	}
	if n := len(d.Due(true)); n > 10_000 || d.Dropped() == 0 {
		t.Errorf("%d kept, %d dropped", n, d.Dropped())
	}
}

func BenchmarkTake(b *testing.B) {
	l := limit.NewLimiter(limit.Quota{PerSecond: 1e9, Burst: 1 << 30}, nil)
	b.ReportAllocs()
	for b.Loop() {
		l.Take("default/01234567-89ab-cdef-0123-456789abcdef")
	}
}
