package limit

import (
	"net/netip"
	"sync"
	"time"
)

// Lockout slows down whoever guesses a login's proof. A failure counts against
// the pair of login and place (an IPv4 address, an IPv6 /64), and each one
// after the fifth doubles the wait. Failures from everywhere count against the
// login, too, but hold up only places from which it never succeeded: so a
// stranger who hammers on a login slows strangers down, and not its owner at
// the usual place (NIST SP 800-63B-4, section 3.2.2; ASVS 5, 6.3.1). What is
// kept is bounded. It is safe for concurrent use.
type Lockout struct {
	now func() time.Time

	mu     sync.Mutex
	places map[place]*failures
	logins map[string]*failures
	known  map[place]time.Time // of the last success
}

type place struct{ login, address string }

type failures struct {
	count int
	last  time.Time
	until time.Time
}

const (
	freeFailures  = 5                // of one place
	loginFailures = 50               // of a login, from everywhere
	firstWait     = time.Second      // after the first failure too many
	mostWait      = 15 * time.Minute // after many
	forgetAfter   = time.Hour        // without a failure
	maxPlaces     = 100_000
)

// NewLockout returns a Lockout by a clock, nil for the real one.
func NewLockout(now func() time.Time) *Lockout {
	if now == nil {
		now = time.Now
	}
	return &Lockout{now: now, places: map[place]*failures{}, logins: map[string]*failures{}, known: map[place]time.Time{}}
}

// Check returns how long a login has to wait at a place; 0 when it may go on.
func (l *Lockout) Check(login string, from netip.Addr) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, at := l.now(), place{login, AddressKey(from)}
	wait := l.places[at].wait(now)
	if _, known := l.known[at]; !known {
		wait = max(wait, l.logins[login].wait(now))
	}
	return wait
}

// Failed counts a failure. It returns whether the next try has to wait, and how long.
func (l *Lockout) Failed(login string, from netip.Addr) (locked bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, at := l.now(), place{login, AddressKey(from)}
	l.sweep(now)
	wait = fail(l.places, at, freeFailures, now)
	everywhere := fail(l.logins, login, loginFailures, now)
	if _, known := l.known[at]; !known {
		wait = max(wait, everywhere)
	}
	return wait > 0, wait
}

// Succeeded forgets the failures of a place and remembers it as one of the
// login's own.
func (l *Lockout) Succeeded(login string, from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := place{login, AddressKey(from)}
	delete(l.places, at)
	if len(l.known) >= maxPlaces {
		clear(l.known) // then the usual places are strangers for once
	}
	l.known[at] = l.now()
}

func fail[K comparable](all map[K]*failures, key K, free int, now time.Time) time.Duration {
	f := all[key]
	if f == nil || now.Sub(f.last) > forgetAfter {
		f = &failures{}
		all[key] = f
	}
	f.count, f.last = f.count+1, now
	if over := f.count - free; over > 0 {
		f.until = now.Add(min(mostWait, firstWait<<min(over-1, 20)))
	}
	return f.wait(now)
}

func (f *failures) wait(now time.Time) time.Duration {
	if f == nil {
		return 0
	}
	return max(0, f.until.Sub(now))
}

// sweep drops what is forgotten once there is much, and, if that does not
// help, the places with the fewest failures: not those that are locked.
func (l *Lockout) sweep(now time.Time) {
	if len(l.places) < maxPlaces && len(l.logins) < maxPlaces {
		return
	}
	for least := 0; least <= freeFailures && (len(l.places) >= maxPlaces/2 || len(l.logins) >= maxPlaces/2); least++ {
		drop(l.places, least, now)
		drop(l.logins, least, now)
	}
}

func drop[K comparable](all map[K]*failures, least int, now time.Time) {
	for key, f := range all {
		if now.Sub(f.last) > forgetAfter || f.count <= least {
			delete(all, key)
		}
	}
}

// AddressKey groups addresses that one party is likely to have: IPv6 by its
// /64, IPv4 as it is.
func AddressKey(a netip.Addr) string {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
