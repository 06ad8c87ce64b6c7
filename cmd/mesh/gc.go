package main

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How far a server's memory may grow between two collections.
const (
	gcPercent  = 300       // of the live heap, at most
	gcSmall    = 384 << 20 // bytes of memory in all, below which gcPercent alone counts
	gcHeadroom = 96 << 20  // bytes beside what is in use, above that, at least
	gcSeconds  = 2         // and so many seconds' worth of what is being allocated
)

// tuneGC bounds the garbage that a server holds, until ctx ends. Go's rule, a
// share of the live heap, does not suit a server at both ends: many short
// requests on a small heap want a large share, and with thousands of agents
// connected and little to do the same share is hundreds of megabytes. So the
// share is large, and every second the soft memory limit is set anew to what is
// in use and a headroom that follows the rate of allocation, though never to
// less than gcSmall. Against that limit the runtime also counts the stacks that
// thousands of connections grow, and it gives freed memory above it back to the
// system. GOGC in the environment leaves it all to the runtime, GOMEMLIMIT the
// limit. What the limits do: https://go.dev/doc/gc-guide.
func tuneGC(ctx context.Context, env environ) {
	if env.get("GOGC") != "" {
		return
	}
	debug.SetGCPercent(gcPercent)
	if env.get("GOMEMLIMIT") == "" {
		go limitMemory(ctx, time.Second)
	}
}

// limitMemory sets the limit again and again.
func limitMemory(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	rate, was := uint64(0), memoryNow()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := memoryNow()
		rate = max(uint64(float64(now.allocated-was.allocated)/every.Seconds()), rate*3/4) // a burst is forgotten in seconds
		was = now
		debug.SetMemoryLimit(memoryLimit(now, rate))
	}
}

// memoryLimit returns the limit for a process that allocates rate bytes a second.
func memoryLimit(m memory, rate uint64) int64 {
	headroom := min(max(gcHeadroom, gcSeconds*rate), max(gcHeadroom, m.live*gcPercent/100))
	return int64(min(max(gcSmall, m.inUse+headroom), math.MaxInt64))
}

// memory is what the runtime says, in bytes.
type memory struct {
	allocated uint64 // since the start
	live      uint64 // what the last collection left of the heap
	inUse     uint64 // that, stacks, fragments and the runtime's own data
}

func memoryNow() memory {
	s := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(s)
	v := func(i int) uint64 { return s[i].Value.Uint64() }
	return memory{allocated: v(0), live: v(1), inUse: v(1) + v(2) - v(3) - v(4) - v(5)}
}
