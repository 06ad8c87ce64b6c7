package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How far a server's memory may grow between two collections.
const (
	gcPercent  = 300       // of the live heap
	gcSmall    = 384 << 20 // bytes of memory in all, below which gcPercent alone counts
	gcHeadroom = 96 << 20  // bytes beside what is in use, above that
)

// tuneGC bounds the garbage that a server holds. Go's rule, a share of the
// live heap, does not suit a server at both ends: many short requests on a
// small heap want a large share, and with thousands of agents connected the
// same share is hundreds of megabytes. So the share is large, and after every
// collection the soft memory limit is set anew to what is in use and a
// headroom, though never to less than gcSmall. Against that limit the runtime
// also counts the stacks that thousands of connections grow, and it gives freed
// memory above it back to the system.
// GOGC in the environment leaves it all to the runtime, GOMEMLIMIT the limit.
//
// Setting the limits from the end of a collection is the technique of "How We
// Saved 70K Cores Across 30 Mission-Critical Services" (Uber, 2021); what the
// limits do is explained in https://go.dev/doc/gc-guide.
func tuneGC(env environ) {
	if env.get("GOGC") != "" {
		return
	}
	debug.SetGCPercent(gcPercent)
	if env.get("GOMEMLIMIT") == "" {
		limitAfterGC()
	}
}

// gcMark is garbage at once, so that the next collection finds it.
type gcMark struct{ _ *gcMark }

// limitAfterGC sets the limit when the next collection has ended, and so on
// for the life of the process.
func limitAfterGC() {
	runtime.AddCleanup(&gcMark{}, func(struct{}) {
		debug.SetMemoryLimit(memoryLimit(memoryInUse()))
		limitAfterGC()
	}, struct{}{})
}

// memoryLimit returns the limit for a process with so many bytes of live heap
// among those in use. The headroom is at least a third of the live heap, so
// that the work of collections keeps its proportion to that of allocation.
func memoryLimit(live, inUse uint64) int64 {
	return int64(min(max(gcSmall, inUse+max(gcHeadroom, live/3)), math.MaxInt64))
}

// memoryInUse returns the bytes that the last collection found live, and those
// of them and of stacks, fragments and the runtime's own data together.
func memoryInUse() (live, inUse uint64) {
	s := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(s)
	live = s[0].Value.Uint64()
	inUse = live + s[1].Value.Uint64() - s[2].Value.Uint64() - s[3].Value.Uint64() - s[4].Value.Uint64()
	return live, inUse
}
