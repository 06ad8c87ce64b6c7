package limit

import (
	"hash/maphash"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Quota is how much one key may take.
type Quota struct {
	PerSecond float64 // in the long run; 0 = no limit
	Burst     int     // at once
}

// Verdict is the answer to one request.
type Verdict struct {
	Allowed    bool
	Limit      int           // of the quota: its burst
	Remaining  int           // that could be taken now
	Reset      time.Duration // until all of Limit could be taken again
	RetryAfter time.Duration // until this request could be allowed; 0 when it was
}

// Limiter is a token bucket for each of many keys. It keeps the buckets that
// are not full: a full one is as good as none. It is safe for concurrent use.
type Limiter struct {
	quota  Quota
	now    func() time.Time
	seed   maphash.Seed
	shards [shards]shard
}

const (
	shards  = 16
	maxKeys = 8192 // of a shard
	looked  = 8    // buckets that are looked at to make room for one
)

type shard struct {
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// NewLimiter returns a Limiter by a clock, nil for the real one.
func NewLimiter(q Quota, now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	l := &Limiter{quota: q, now: now, seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].buckets = map[string]*rate.Limiter{}
	}
	return l
}

// Take takes one from the bucket of a key.
func (l *Limiter) Take(key string) Verdict {
	if l.quota.PerSecond <= 0 {
		return Verdict{Allowed: true}
	}
	now := l.now()
	s := &l.shards[maphash.String(l.seed, key)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[key]
	if !ok {
		s.makeRoom(now)
		b = rate.NewLimiter(rate.Limit(l.quota.PerSecond), l.quota.Burst)
		s.buckets[key] = b
	}
	v := Verdict{Allowed: b.AllowN(now, 1), Limit: l.quota.Burst}
	left := b.TokensAt(now)
	v.Remaining = max(0, int(left))
	v.Reset = seconds((float64(l.quota.Burst) - left) / l.quota.PerSecond)
	if !v.Allowed {
		v.RetryAfter = seconds((1 - left) / l.quota.PerSecond)
	}
	return v
}

// makeRoom drops a bucket when there are too many: of a few, the fullest. So a
// flood of new keys does not free those that are limited now.
func (s *shard) makeRoom(now time.Time) {
	if len(s.buckets) < maxKeys {
		return
	}
	drop, most, n := "", math.Inf(-1), 0
	for key, b := range s.buckets { // in random order
		if left := b.TokensAt(now); left > most {
			drop, most = key, left
		}
		if n++; n == looked {
			break
		}
	}
	delete(s.buckets, drop)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
