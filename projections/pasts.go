package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// How long views of the past are kept, and how many.
const (
	pastUnused = 10 * time.Minute
	abandoned  = 15 * time.Minute // by a node that does not say that it uses it
	mostPasts  = 24
	tendEvery  = time.Minute
)

// pastKey names a view of the past: a read model after an event.
type pastKey struct {
	name string
	seq  uint64
}

// past is a view of the past.
type past struct {
	done       chan struct{} // closed when it is built, or cannot be
	generation int
	err        error
	progress   Progress
	used       time.Time
}

// pasts are the views of the past that this node has, or builds.
type pasts struct {
	mu     sync.Mutex
	of     map[pastKey]*past
	queue  []pastKey
	wanted chan struct{} // holds one: the queue has grown
}

// await returns a view when it is built, and has it built when it is not.
func (s *pasts) await(ctx context.Context, k pastKey) (*past, error) {
	v, err := s.get(k)
	if err != nil {
		return nil, err
	}
	patience := time.NewTimer(waitLimit)
	defer patience.Stop()
	select {
	case <-v.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-patience.C:
		s.mu.Lock()
		defer s.mu.Unlock()
		return nil, errPast.Sayf("the read model %s as of event %d is being built: %s", k.name, k.seq, v.progress)
	}
	return v, v.err
}

// String says how far it is.
func (p Progress) String() string {
	if p.Total == 0 {
		return "not begun"
	}
	text := fmt.Sprintf("%d%%", 100*p.Done/p.Total)
	if p.Left > 0 {
		text += fmt.Sprintf(", %v left", p.Left.Round(time.Second))
	}
	return text
}

func (s *pasts) get(k pastKey) (*past, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.of[k]; v != nil {
		v.used = time.Now()
		return v, nil
	}
	if len(s.of) >= mostPasts {
		return nil, &domain.Error{Kind: domain.Unavailable, Code: "past_full", Message: fmt.Sprintf("%d views of the past are in use: they are dropped %v after their last query", len(s.of), pastUnused)}
	}
	v := &past{done: make(chan struct{}), used: time.Now()}
	s.of[k] = v
	s.queue = append(s.queue, k)
	select {
	case s.wanted <- struct{}{}:
	default:
	}
	return v, nil
}

func (s *pasts) forget(k pastKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, k)
}

// next takes the view that was asked for first; nil when none is.
func (s *pasts) next() (k pastKey, v *past) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v == nil && len(s.queue) > 0 {
		k = s.queue[0]
		v, s.queue = s.of[k], s.queue[1:]
	}
	return k, v
}

// run builds what is asked for, one after the other, and drops what is not
// asked for any more; all of it when ctx ends.
func (s *pasts) run(ctx context.Context, p *Projections) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	defer s.drop(p)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wanted:
			for k, v := s.next(); v != nil; k, v = s.next() {
				s.build(ctx, p, k, v)
			}
		case <-tick.C:
			used, unused := s.sort(time.Now().Add(-pastUnused))
			if err := p.tendPasts(ctx, used, unused); err != nil && ctx.Err() == nil {
				p.cfg.Log.Debug().Err(err).Msg("views of the past could not be tended")
			}
		}
	}
}

func (s *pasts) build(ctx context.Context, p *Projections, k pastKey, v *past) {
	moved := func(now Progress) {
		s.mu.Lock()
		defer s.mu.Unlock()
		v.progress = now
	}
	generation, err := p.buildPast(ctx, k, moved)
	for errors.Is(err, errBusy) && rest(ctx, time.Second) { // a rebuild goes first
		generation, err = p.buildPast(ctx, k, moved)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.generation, v.err = generation, p.reachable(err); v.err != nil {
		delete(s.of, k) // the next query tries again
	}
	close(v.done)
}

// sort tells the views that were asked after a time, and forgets the others.
func (s *pasts) sort(since time.Time) (used, unused map[pastKey]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	used, unused = map[pastKey]int{}, map[pastKey]int{}
	for k, v := range s.of {
		switch {
		case v.generation == 0:
		case v.used.After(since):
			used[k] = v.generation
		default:
			unused[k] = v.generation
			delete(s.of, k)
		}
	}
	return used, unused
}

// drop drops all views of this node.
func (s *pasts) drop(p *Projections) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, unused := s.sort(time.Now().Add(time.Hour))
	if len(unused) == 0 {
		return
	}
	if err := p.tendPasts(ctx, nil, unused); err != nil {
		p.cfg.Log.Debug().Err(err).Msg("views of the past are left for another node to drop")
	}
}
