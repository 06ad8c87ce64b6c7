package eventstore

import "sync"

// recent remembers the last known sequence of the subjects written or looked
// up last. It holds facts only: a sequence once seen on a subject stays, so an
// older expectation is certainly stale. It keeps two generations of at most
// limit subjects each and drops the older one when the younger is full.
type recent struct {
	mu         sync.Mutex
	limit      int
	young, old map[string]uint64
}

func newRecent(limit int) *recent {
	return &recent{limit: limit, young: make(map[string]uint64)}
}

func (r *recent) get(subject string) (last uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok = r.young[subject]; !ok {
		last, ok = r.old[subject]
	}
	return last, ok
}

// put keeps the later of last and what is known.
func (r *recent) put(subject string, last uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if was, ok := r.young[subject]; ok {
		r.young[subject] = max(was, last)
		return
	}
	if len(r.young) >= r.limit {
		r.old, r.young = r.young, make(map[string]uint64, r.limit)
	}
	r.young[subject] = max(r.old[subject], last)
}
