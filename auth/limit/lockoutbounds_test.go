package limit_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/auth/limit"
)

// Only the last places count, and one principal's do not push out another's.
func TestKnownPlacesAreBounded(t *testing.T) {
	t.Parallel()
	l := newLogin()
	l.Succeeded("bob", l.home)
	l.Succeeded("alice", l.home)
	for i := range 15 {
		l.Succeeded("alice", stranger(i))
	}
	l.Succeeded("alice", l.home) // again: it is the latest now
	for i := range 15 {
		l.Succeeded("alice", stranger(100+i))
	}
	for i := range 100 {
		l.Failed("alice", stranger(1000+i))
		l.Failed("bob", stranger(1000+i))
	}
	if l.Check("alice", l.home) != 0 || l.Check("bob", l.home) != 0 {
		t.Error("a place that was used lately is forgotten")
	}
	if l.Check("alice", stranger(3)) == 0 {
		t.Error("more than 16 places are known")
	}
}

// Given alice who waits at a place, when any number of made up names fail, then
// she still waits there, and those who are known are not held up.
func TestNamesDoNotPushOutOthers(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := limit.NewLockout(limit.LockoutConfig{Most: 64, Now: c.now})
	home, guesser := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("198.51.100.9")
	l.Succeeded("alice", home)
	for range 40 {
		l.Failed("alice", guesser)
	}
	for i := range 2000 {
		for range 1 + i%25 {
			l.Failed(fmt.Sprint("made up ", i), stranger(i))
		}
		if l.Check("alice", guesser) == 0 {
			t.Fatalf("the guesser was freed after %d names", i)
		}
	}
	if wait := l.Check("alice", home); wait != 0 {
		t.Errorf("alice waits %v at home", wait)
	}
}

// Those who wait and were unused longest are passed over: there is room as
// long as anybody can be done without.
func TestRoomIsFoundBehindThoseWhoWait(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := limit.NewLockout(limit.LockoutConfig{Most: 64, Now: c.now})
	for i := range 20 {
		for range 30 {
			l.Failed(fmt.Sprint("waits ", i), stranger(i))
		}
	}
	for i := range 200 {
		l.Failed(fmt.Sprint("new ", i), stranger(100+i))
		if l.Check("never seen", stranger(5000)) != 0 {
			t.Fatalf("no room for number %d", i)
		}
	}
	if l.Check("waits 3", stranger(3)) == 0 {
		t.Error("room was made of one who waits")
	}
}

// When everybody who is kept waits, strangers whom there is no room to count
// wait together; a place that is known does not.
func TestCrowdOfStrangersWaits(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := limit.NewLockout(limit.LockoutConfig{Most: 16, Now: c.now})
	home := netip.MustParseAddr("192.0.2.7")
	l.Succeeded("alice", home)
	for i := range 64 {
		for range 30 {
			l.Failed(fmt.Sprint(i), stranger(i))
		}
	}
	if l.Check("never seen", stranger(5000)) == 0 {
		t.Error("guesses without a count do not wait")
	}
	for range 4 {
		l.Failed("alice", home)
	}
	if wait := l.Check("alice", home); wait != 0 {
		t.Errorf("alice waits %v at home", wait)
	}
	c.pass(15 * time.Minute)
	if wait := l.Check("never seen", stranger(5000)); wait != 0 {
		t.Errorf("still waits %v when the flood is over", wait)
	}
}
