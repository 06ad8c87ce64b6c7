package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, c := range map[string]struct {
		live, inUse, rate uint64
		want              int64
	}{
		"nothing":               {0, 0, 0, 384 * mib},
		"small":                 {200 * mib, 288 * mib, 20 * mib, 384 * mib},
		"at rest":               {300 * mib, 400 * mib, 10 * mib, 496 * mib},
		"busy":                  {300 * mib, 400 * mib, 200 * mib, 800 * mib},
		"busier than the share": {300 * mib, 400 * mib, 900 * mib, 1300 * mib},
		"overflow":              {1 << 60, math.MaxInt64, 0, math.MaxInt64},
	} {
		if got := memoryLimit(memory{live: c.live, inUse: c.inUse}, c.rate); got != c.want {
			t.Errorf("%s: limit %d MiB, want %d", name, got/mib, c.want/mib)
		}
	}
}

func TestMemoryLimitFollowsTheHeap(t *testing.T) {
	t.Parallel()
	const held = 512 << 20
	go limitMemory(t.Context(), 10*time.Millisecond)
	ballast := make([]byte, held) // never written, so it takes no memory
	limitBecomes(t, "above what is held", func(limit int64) bool { return limit > held+gcHeadroom && limit < 5*held })
	runtime.KeepAlive(ballast)
	limitBecomes(t, "below what was held", func(limit int64) bool { return limit >= gcSmall && limit < held })
}

// limitBecomes collects until the limit is as wanted.
func limitBecomes(t *testing.T, what string, ok func(int64) bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := int64(0)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		runtime.GC()
		if limit = debug.SetMemoryLimit(-1); ok(limit) {
			return
		}
	}
	t.Errorf("the limit is %d, want it %s", limit, what)
}
