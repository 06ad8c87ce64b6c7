package projections

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// view is what this node knows about all read models, kept up to date by the
// listener and the watcher, so that health and waiting cost no query.
type view struct {
	mu        sync.Mutex
	changed   chan struct{}    // closed at every change
	hurry     [2]chan struct{} // of the light and the heavy lane; holds one: a query waits
	states    []State
	moved     map[string]move
	last      uint64 // end of the log
	connected bool
	answers   bool              // Postgres did when it was asked last
	back      chan struct{}     // closed when Postgres answers again
	owned     int               // lanes that this node runs
	down      string            // why Postgres cannot be reached
	errs      map[string]string // why a lane does not run
}

// move remembers when a checkpoint last moved, or was last at the log's end.
type move struct {
	seq uint64
	at  time.Time
}

// notify wakes those that wait. The caller holds mu.
func (v *view) notify() {
	close(v.changed)
	v.changed = make(chan struct{})
}

// reached takes in the news that a generation has reached seq.
func (v *view) reached(name string, generation int, seq uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, s := range v.states {
		if s.Name == name && s.Generation == generation && s.Seq < seq {
			v.states[i].Seq = seq
			v.last = max(v.last, seq)
		}
	}
	v.notify()
}

// seen takes in a look at the control tables and at the log.
func (v *view) seen(states []State, last uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range states {
		for _, old := range v.states { // a notification may have overtaken the look; a crash may take commits back
			if v.connected && old.Name == states[i].Name && old.Generation == states[i].Generation && !states[i].refused {
				states[i].Seq = max(states[i].Seq, min(old.Seq, last))
			}
		}
	}
	v.states, v.last, v.connected = states, last, true
	v.answered()
	v.notify()
}

// reachable takes in that Postgres answers.
func (v *view) reachable() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answered()
}

// answered wakes those that wait for Postgres, if it did not answer before.
// The caller holds mu.
func (v *view) answered() {
	v.down = ""
	if v.answers {
		return
	}
	v.answers = true
	close(v.back)
	v.back = make(chan struct{})
}

// returned returns a channel that is closed when Postgres, having been lost,
// is there again.
func (v *view) returned() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.back
}

func (v *view) lost(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.connected, v.answers, v.down = false, false, err.Error()
	v.notify()
}

func (v *view) failed(lane string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.errs[lane] = err.Error()
}

func (v *view) working(lane string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.errs, lane)
}

// owns takes in that this node runs so many lanes more.
func (v *view) owns(more int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.owned += more
}

// trouble is why lanes do not run; empty when they do. The caller holds mu.
func (v *view) trouble() string {
	lanes := slices.Sorted(maps.Keys(v.errs))
	for i, lane := range lanes {
		lanes[i] = v.errs[lane]
	}
	return strings.Join(slices.Compact(lanes), "; ")
}

func (v *view) end() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last
}

// wait returns when the named read model has reached seq, when it cannot, or
// after a limit.
func (v *view) wait(ctx context.Context, d definition, seq uint64) {
	if seq == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	for {
		ready, changed := v.ready(d.name, seq)
		if ready {
			return
		}
		select {
		case v.hurry[d.lane()] <- struct{}{}:
		default:
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// ready reports whether the named read model has reached seq, or cannot; and
// a channel that is closed at the next change.
func (v *view) ready(name string, seq uint64) (bool, <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.states {
		if s.Name == name && (s.Seq >= seq || s.Generation == 0 || s.refused) {
			return true, nil
		}
	}
	return !v.connected, v.changed
}

// building returns the error for a read model without a live generation.
func (v *view) building(name string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.states {
		if s.Name == name && s.Progress != nil && s.Progress.Total > 0 {
			share := 100 * s.Progress.Done / s.Progress.Total
			if s.Progress.Left == 0 {
				return errBuild.Sayf("the read model %s is not ready: rebuilding, %d%%", name, share)
			}
			return errBuild.Sayf("the read model %s is not ready: rebuilding, %d%%, %s left", name, share, roughly(s.Progress.Left))
		}
	}
	return errBuild.Sayf("the read model %s is not ready: rebuilding", name)
}

func roughly(d time.Duration) string {
	if d < 90*time.Second {
		return fmt.Sprintf("%d s", int(d.Seconds()+1))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
}
