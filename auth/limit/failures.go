package limit

import (
	"slices"
	"time"
)

// fail counts a failure and makes the next try wait once there are enough. It
// reports whether the waiting began with it.
func (f *failures) fail(enough int, now time.Time) (began bool) {
	f.count, f.last = f.count+1, now
	if f.count < enough {
		return false
	}
	f.until = now.Add(min(longestWait, firstWait<<min(f.count-enough, 20)))
	return f.count == enough
}

// wait returns how long is left to wait. There may be no failures at all.
func (f *failures) wait(now time.Time) time.Duration {
	if f == nil {
		return 0
	}
	return max(0, f.until.Sub(now))
}

// over reports whether the failures are so long ago that they say nothing.
func (f *failures) over(now time.Time) bool {
	return now.Sub(f.last) >= forgetAfter
}

// spare says how well the failures can be done without: the fewer the better,
// and not at all while somebody waits for them.
func (f *failures) spare(now time.Time) float64 {
	switch {
	case f.over(now):
		return 1
	case f.wait(now) > 0:
		return 0
	}
	return 1 / float64(1+f.count)
}

// has reports whether a place is one of them.
func (p *places) has(source string) bool { return slices.Contains(p.latest, source) }

// put makes a place the latest, and drops the one unused longest.
func (p *places) put(source string) {
	if i := slices.Index(p.latest, source); i >= 0 {
		p.latest = slices.Delete(p.latest, i, i+1)
	}
	p.latest = slices.Insert(p.latest, 0, source)
	p.latest = p.latest[:min(len(p.latest), knownPlaces)]
}
