package limit

import (
	"crypto/rand"
	"net/netip"
	"sync"
	"time"
)

const (
	placeFailures = 5  // of a principal at one place, until it waits
	allFailures   = 20 // of a principal at all unknown places, until they wait
	firstWait     = time.Second
	longestWait   = 15 * time.Minute
	forgetAfter   = 24 * time.Hour // without a failure
	knownPlaces   = 16             // of a principal
	defaultLogins = 65_536
)

// LockoutConfig is what a Lockout is made of. Nothing is required.
type LockoutConfig struct {
	// Key keys the hashes by which places are remembered. Nodes that read of
	// places in one log need the same; by default a random one is made.
	Key []byte
	// Most bounds the principals and the places that are remembered, each;
	// default 65,536.
	Most int
	Now  func() time.Time // default time.Now
}

// Lockout makes guesses of logins slow, and slows strangers only where it can
// tell them from the principal; see the package for the rules. A principal is
// whatever name was given at the login. Its methods may be called concurrently.
//
// Tries that are under way at the same time see the same wait: call Check and
// Failed within whatever bounds how many secrets are verified at once.
type Lockout struct {
	key []byte
	now func() time.Time

	mu         sync.Mutex
	places     *table[mark, failures] // by principal and place
	principals *table[mark, failures] // by principal, of unknown places
	known      *table[mark, places]   // by principal
	crowd      failures               // of strangers for whom there is no room
}

type failures struct {
	count       int
	last, until time.Time
}

// places are the marks of the last places of a principal, the latest first.
type places struct{ latest []string }

// NewLockout returns a Lockout that knows nobody.
func NewLockout(cfg LockoutConfig) *Lockout {
	if len(cfg.Key) == 0 {
		cfg.Key = make([]byte, 32)
		rand.Read(cfg.Key) // never fails (crypto/rand since Go 1.24)
	}
	if cfg.Most <= 0 {
		cfg.Most = defaultLogins
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Lockout{
		key: cfg.Key, now: cfg.Now,
		places: newTable[mark, failures](cfg.Most), principals: newTable[mark, failures](cfg.Most), known: newTable[mark, places](cfg.Most),
	}
}

// Check returns how long a principal has to wait at an address before its
// next try; 0 when it may try now.
func (l *Lockout) Check(principal string, from netip.Addr) time.Duration {
	at, source := l.marks(principal, from)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wait(at, l.isKnown(at.principal, source), l.now())
}

// Failed counts a try that failed. It returns how long the next one has to
// wait there, and whether the waiting began with this failure, which is worth
// telling once.
func (l *Lockout) Failed(principal string, from netip.Addr) (locked bool, wait time.Duration) {
	at, source := l.marks(principal, from)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	known := l.isKnown(at.principal, source)
	locked = l.count(l.places, at.place, now).fail(placeFailures, now)
	if !known {
		all := l.count(l.principals, at.principal, now).fail(allFailures, now)
		locked = locked || all
	}
	return locked, l.wait(at, known, now)
}

// Succeeded forgets the failures of a principal at an address and remembers
// the address as one of its places. Call it when every factor was right.
func (l *Lockout) Succeeded(principal string, from netip.Addr) {
	at, source := l.marks(principal, from)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.places.remove(at.place)
	l.remember(at.principal, source)
}

// Known remembers a place of a principal by its Source, as an event told it.
func (l *Lockout) Known(principal, source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember(l.mark(principal), source)
}

// wait is the longest wait that holds at a place.
func (l *Lockout) wait(at marks, known bool, now time.Time) time.Duration {
	here := l.places.look(at.place)
	if known {
		return here.wait(now)
	}
	all := l.principals.look(at.principal)
	if here != nil && all != nil {
		return max(here.wait(now), all.wait(now))
	}
	return max(here.wait(now), all.wait(now), l.crowd.wait(now))
}

// count returns the failures under a mark; those for which there is no room
// are counted together.
func (l *Lockout) count(t *table[mark, failures], m mark, now time.Time) *failures {
	f := t.use(m)
	if f == nil {
		f = t.add(m, func(f *failures) float64 { return f.spare(now) })
	}
	if f == nil {
		f = &l.crowd
	}
	if f.over(now) {
		*f = failures{}
	}
	return f
}

func (l *Lockout) remember(principal mark, source string) {
	if source == "" {
		return
	}
	p := l.known.use(principal)
	if p == nil {
		if p = l.known.add(principal, func(*places) float64 { return 0.5 }); p == nil {
			return
		}
	}
	p.put(source)
}

func (l *Lockout) isKnown(principal mark, source string) bool {
	p := l.known.look(principal)
	return p != nil && p.has(source)
}
