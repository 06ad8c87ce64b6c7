package limit

import (
	"hash/maphash"
	"math"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	defaultKeys = 131_072
	shards      = 64
	idleAfter   = time.Minute // a full bucket is dropped
)

// Quota is how much one key may take: Burst at once, and PerSecond in the long
// run. A quota without PerSecond is off: everything is allowed.
type Quota struct {
	PerSecond float64
	Burst     int // default: a second's worth, at least 1
	Keys      int // that are told apart at a time, default 131,072
}

// Off reports whether the quota limits nothing.
func (q Quota) Off() bool { return q.PerSecond <= 0 }

// Window returns the time in which an empty bucket fills, 0 for a quota that is off.
func (q Quota) Window() time.Duration {
	if q.Off() {
		return 0
	}
	return duration(float64(q.Burst) / q.PerSecond)
}

// Verdict is the answer to one request.
type Verdict struct {
	Allowed    bool
	Limit      int           // what the bucket holds; 0 when there is no limit
	Remaining  int           // whole tokens left
	Reset      time.Duration // until the bucket is full again
	RetryAfter time.Duration // until the same request can be allowed; 0 when it was
}

// Limiter has a token bucket for each of many keys. In any time t a key is
// allowed no more than its burst and t times its rate, unless it was dropped to
// make room in a flood (see the package). Its methods may be called
// concurrently.
type Limiter struct {
	quota  Quota
	now    func() time.Time
	seed   maphash.Seed // nobody can aim at one shard
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	buckets *table[string, bucket]
	crowd   *rate.Limiter // of all keys for which there is no room
}

type bucket struct {
	tokens *rate.Limiter
	used   time.Time
}

// NewLimiter returns a Limiter of a quota by a clock, nil for the real one.
func NewLimiter(q Quota, now func() time.Time) *Limiter {
	if q.Burst <= 0 {
		q.Burst = max(1, int(q.PerSecond))
	}
	if q.Keys <= 0 {
		q.Keys = defaultKeys
	}
	if now == nil {
		now = time.Now
	}
	l := &Limiter{quota: q, now: now, seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].buckets = newTable[string, bucket]((q.Keys + shards - 1) / shards)
		l.shards[i].crowd = l.full()
	}
	return l
}

// Quota returns the limiter's quota with its defaults filled in.
func (l *Limiter) Quota() Quota { return l.quota }

// Take takes n tokens from the bucket of key, or none at all when there are
// not as many. A request for more than the bucket holds takes all of it.
func (l *Limiter) Take(key string, n int) Verdict {
	if l.quota.Off() {
		return Verdict{Allowed: true}
	}
	n = min(max(n, 0), l.quota.Burst)
	s, now := l.shard(key), l.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := l.use(s, key, now)
	return l.verdict(b, now, n, b.AllowN(now, n))
}

// Peek tells what Take(key, 1) would, and takes nothing. What was never seen
// has a full bucket.
func (l *Limiter) Peek(key string) Verdict {
	if l.quota.Off() {
		return Verdict{Allowed: true}
	}
	s, now := l.shard(key), l.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.buckets.look(key); b != nil {
		return l.verdict(b.tokens, now, 1, b.tokens.TokensAt(now) >= 1)
	}
	return Verdict{Allowed: true, Limit: l.quota.Burst, Remaining: l.quota.Burst}
}

// Len returns how many keys have a bucket now.
func (l *Limiter) Len() int {
	n := 0
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.buckets.entries)
		s.mu.Unlock()
	}
	return n
}

func (l *Limiter) shard(key string) *shard {
	return &l.shards[maphash.String(l.seed, key)%shards]
}

func (l *Limiter) full() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(l.quota.PerSecond), l.quota.Burst)
}

// use returns the bucket of a key, making one if there is room.
func (l *Limiter) use(s *shard, key string, now time.Time) *rate.Limiter {
	b := s.buckets.use(key)
	if b == nil {
		if b = s.buckets.add(strings.Clone(key), func(b *bucket) float64 { return l.spare(b, now) }); b == nil {
			return s.crowd
		}
		b.tokens = l.full()
	}
	b.used = now
	return b.tokens
}

// spare says how well a bucket can be done without: a full one is as good as
// none, and one that holds its key back now has to stay. One that was used
// lately is kept while there is room, since making them costs more than that.
func (l *Limiter) spare(b *bucket, now time.Time) float64 {
	tokens := b.tokens.TokensAt(now)
	if tokens < 1 {
		return 0
	}
	share := tokens / float64(l.quota.Burst)
	if now.Sub(b.used) < idleAfter {
		share *= 0.99
	}
	return share
}

func (l *Limiter) verdict(b *rate.Limiter, now time.Time, n int, allowed bool) Verdict {
	left := b.TokensAt(now)
	v := Verdict{Allowed: allowed, Limit: l.quota.Burst, Remaining: max(0, int(left))}
	v.Reset = duration((float64(l.quota.Burst) - left) / l.quota.PerSecond)
	if !allowed {
		v.RetryAfter = max(1, duration((float64(n)-left)/l.quota.PerSecond))
	}
	return v
}

// duration rounds seconds up to a nanosecond, within what a Duration can hold.
func duration(seconds float64) time.Duration {
	ns := math.Ceil(seconds * float64(time.Second))
	return time.Duration(min(max(ns, 0), float64(math.MaxInt64/2)))
}
