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

// login is a Lockout with the people of the scenarios.
type login struct {
	*limit.Lockout
	*clock
	home, cafe netip.Addr
}

func newLogin() login {
	c := newClock()
	return login{
		Lockout: limit.NewLockout(limit.LockoutConfig{Key: []byte("a key of tests"), Now: c.now}),
		clock:   c, home: netip.MustParseAddr("192.0.2.7"), cafe: netip.MustParseAddr("203.0.113.1"),
	}
}

// stranger returns an address of which nobody ever logged in.
func stranger(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func (l login) fail(principal string, from netip.Addr, times int) {
	for range times {
		l.Failed(principal, from)
	}
}

// Given four failures, when the fifth comes, then the next try waits 1 s, and
// twice as long after each further one, up to 15 minutes.
func TestWaitsDouble(t *testing.T) {
	t.Parallel()
	l := newLogin()
	for i := range 4 {
		if locked, wait := l.Failed("alice", l.cafe); locked || wait != 0 {
			t.Fatalf("failure %d: %v %v", i+1, locked, wait)
		}
	}
	want := time.Second
	for i := range 15 { // the 20th of all is the last that concerns this place only
		locked, wait := l.Failed("alice", l.cafe)
		if wait != want || locked != (i == 0) || l.Check("alice", l.cafe) != want {
			t.Fatalf("failure %d: locked %v, waits %v, want %v", i+5, locked, wait, want)
		}
		if l.Check("bob", l.cafe) != 0 || l.Check("alice", l.home) != 0 {
			t.Fatal("another principal or another place waits, too")
		}
		l.pass(wait - time.Nanosecond)
		if l.Check("alice", l.cafe) != time.Nanosecond {
			t.Fatalf("failure %d: does not wait until the end", i+5)
		}
		l.pass(time.Nanosecond)
		if wait := l.Check("alice", l.cafe); wait != 0 {
			t.Fatalf("failure %d: waits %v when it is over", i+5, wait)
		}
		want = min(2*want, 15*time.Minute)
	}
}

// Given alice who logged in from home, when strangers fail at her login from
// everywhere, then strangers wait, also in places never seen, and she does not.
func TestStrangersCannotLockAliceOut(t *testing.T) {
	t.Parallel()
	l := newLogin()
	l.Succeeded("alice", l.home)
	for i := range 5000 {
		l.Failed("alice", stranger(i))
		if wait := l.Check("alice", l.home); wait != 0 {
			t.Fatalf("alice waits %v at home after %d failures of strangers", wait, i+1)
		}
	}
	if wait := l.Check("alice", stranger(9999)); wait != 15*time.Minute {
		t.Errorf("a stranger at a new address waits %v", wait)
	}
	if wait := l.Check("bob", stranger(9999)); wait != 0 {
		t.Errorf("strangers wait %v at bob's login", wait)
	}
	l.Failed("alice", l.home) // a slip of her own
	if wait := l.Check("alice", l.home); wait != 0 {
		t.Errorf("alice waits %v at home after one slip", wait)
	}
}

// Given a guesser with any number of addresses, who always waits as told, then
// no more than about 30 tries come at once and 4 an hour after that.
func TestManyAddressesGuessSlowly(t *testing.T) {
	t.Parallel()
	l := newLogin()
	tries, began := 0, l.now()
	for i := 0; l.now().Sub(began) < 24*time.Hour; i++ {
		from := stranger(i)
		if wait := l.Check("alice", from); wait > 0 {
			l.pass(wait)
			continue
		}
		l.Failed("alice", from)
		tries++
	}
	if tries > 20+12+4*24 {
		t.Errorf("%d tries in a day", tries)
	}
}

// Given alice at a place where she is unknown, when she gets in once, then the
// place is hers and strangers hold her up there no longer.
func TestPlaceBecomesKnown(t *testing.T) {
	t.Parallel()
	l := newLogin()
	for i := range 25 {
		l.Failed("alice", stranger(i))
	}
	wait := l.Check("alice", l.cafe)
	if wait == 0 {
		t.Fatal("an unknown place does not wait")
	}
	l.pass(wait)
	l.Succeeded("alice", l.cafe)
	l.Failed("alice", stranger(100))
	if l.Check("alice", l.cafe) != 0 || l.Check("alice", stranger(101)) == 0 {
		t.Error("the place is not known, or the success freed strangers")
	}
}

// Given places that events told, when strangers fail, then those do not wait.
func TestPlacesFromTheLog(t *testing.T) {
	t.Parallel()
	l, other := newLogin(), newLogin()
	v6 := netip.MustParseAddr("2001:db8::1")
	l.Known("alice", other.Source(v6)) // by another node with the same key
	l.Known("alice", "")
	for i := range 100 {
		l.Failed("alice", stranger(i))
	}
	if l.Check("alice", netip.MustParseAddr("2001:db8::ffff")) != 0 {
		t.Error("another address of the same /64 waits")
	}
	if l.Check("alice", netip.MustParseAddr("2001:db8:0:1::1")) == 0 || l.Check("alice", netip.Addr{}) == 0 {
		t.Error("what is no place of alice's does not wait")
	}
	if s := l.Source(v6); len(s) != 16 || s == l.Source(l.home) || l.Source(netip.Addr{}) != "" {
		t.Errorf("source %q", s)
	}
	if a, b := limit.NewLockout(limit.LockoutConfig{}), limit.NewLockout(limit.LockoutConfig{}); a.Source(v6) == b.Source(v6) {
		t.Error("sources are told without a key")
	}
}

// Given failures at home, when alice gets in, then they are forgotten there;
// when a day goes by, then everywhere.
func TestFailuresAreForgotten(t *testing.T) {
	t.Parallel()
	l := newLogin()
	l.fail("alice", l.home, 8)
	l.pass(l.Check("alice", l.home))
	l.Succeeded("alice", l.home)
	l.fail("alice", l.home, 4)
	if wait := l.Check("alice", l.home); wait != 0 {
		t.Errorf("waits %v after a success and four failures", wait)
	}
	l.fail("alice", l.cafe, 30)
	l.pass(24 * time.Hour)
	if locked, wait := l.Failed("alice", l.cafe); locked || wait != 0 {
		t.Errorf("waits %v after a day", wait)
	}
	l.fail("alice", l.cafe, 4)
	if l.Check("alice", l.cafe) == 0 {
		t.Error("no longer counts")
	}
}

// Whatever happens elsewhere, a place that is known waits by its own failures.
func TestKnownPlaceDependsOnItselfOnly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, alone := newLogin(), newLogin()
		l.Succeeded("alice", l.home)
		alone.Succeeded("alice", l.home)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			pause := time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond
			l.pass(pause)
			alone.pass(pause)
			switch rapid.SampledFrom([]string{"stranger", "stranger", "home", "success elsewhere"}).Draw(t, "who") {
			case "stranger":
				l.Failed("alice", stranger(rapid.IntRange(0, 50).Draw(t, "stranger")))
			case "success elsewhere":
				l.Succeeded("bob", stranger(rapid.IntRange(0, 50).Draw(t, "stranger")))
			case "home":
				l.Failed("alice", l.home)
				alone.Failed("alice", l.home)
			}
			if got, want := l.Check("alice", l.home), alone.Check("alice", l.home); got != want {
				t.Fatalf("waits %v, alone it would be %v", got, want)
			}
		}
	})
}

func TestConcurrentLogins(t *testing.T) {
	t.Parallel()
	l := newLogin()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				l.Failed("alice", stranger(i*1000+n))
				l.Check("alice", l.home)
				l.Succeeded(fmt.Sprint(i), l.home)
			}
		})
	}
	wg.Wait()
	if l.Check("alice", stranger(1)) == 0 || l.Check("3", l.home) != 0 {
		t.Error("counts were lost")
	}
}

func BenchmarkCheck(b *testing.B) {
	l := newLogin()
	l.Succeeded("alice", l.home)
	b.ReportAllocs()
	for b.Loop() {
		l.Check("alice", l.home)
	}
}
