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
	for _, c := range []struct {
		live, inUse uint64
		want        int64
	}{
		{0, 0, 384 * mib},
		{200 * mib, 288 * mib, 384 * mib},
		{200 * mib, 289 * mib, 385 * mib},
		{288 * mib, 400 * mib, 496 * mib},
		{300 * mib, 400 * mib, 500 * mib},
		{3000 * mib, 4000 * mib, 5000 * mib},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64},
	} {
		if got := memoryLimit(c.live, c.inUse); got != c.want {
			t.Errorf("%d live of %d in use: limit %d, want %d", c.live, c.inUse, got, c.want)
		}
	}
}

func TestMemoryLimitFollowsTheHeap(t *testing.T) {
	t.Parallel()
	const held = 512 << 20
	limitAfterGC()
	ballast := make([]byte, held) // never written, so it takes no memory
	limitBecomes(t, "above what is held", func(limit int64) bool { return limit > held+held/3 && limit < 3*held })
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
