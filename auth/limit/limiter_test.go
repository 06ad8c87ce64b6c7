package limit_test

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/auth/limit"
)

type grant struct {
	at time.Time
	n  int
}

// However the requests fall, no interval of length t is granted more than the
// burst and t times the rate.
func TestNoIntervalIsGrantedMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		q := limit.Quota{PerSecond: rapid.Float64Range(0.1, 100).Draw(t, "rate"), Burst: rapid.IntRange(1, 30).Draw(t, "burst")}
		l := limit.NewLimiter(q, c.now)
		granted := map[string][]grant{}
		for range rapid.IntRange(1, 150).Draw(t, "requests") {
			c.pass(time.Duration(rapid.IntRange(0, 800).Draw(t, "ms")) * time.Millisecond)
			key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
			n := rapid.IntRange(1, 3).Draw(t, "n")
			peeked := l.Peek(key)
			v := l.Take(key, n)
			switch {
			case n == 1 && peeked.Allowed != v.Allowed:
				t.Fatalf("peeked %+v, took %+v", peeked, v)
			case v.Allowed:
				granted[key] = append(granted[key], grant{c.now(), min(n, q.Burst)})
			case v.RetryAfter <= 0:
				t.Fatalf("refused without a time to wait: %+v", v)
			}
			if v.Remaining < 0 || v.Remaining > q.Burst || v.Limit != q.Burst || v.Reset < 0 || v.Reset > q.Window()+1 {
				t.Fatalf("%+v of %+v", v, q)
			}
		}
		for key, all := range granted {
			for i := range all {
				sum := 0
				for _, g := range all[i:] {
					sum += g.n
					if most := float64(q.Burst) + q.PerSecond*g.at.Sub(all[i].at).Seconds() + 1e-6; float64(sum) > most {
						t.Fatalf("%s was granted %d within %v, at most %.3f", key, sum, g.at.Sub(all[i].at), most)
					}
				}
			}
		}
	})
}

// Whoever waits as long as told is allowed, and not a moment earlier.
func TestRetryAfterIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		q := limit.Quota{PerSecond: rapid.Float64Range(0.01, 1000).Draw(t, "rate"), Burst: rapid.IntRange(1, 50).Draw(t, "burst")}
		l := limit.NewLimiter(q, c.now)
		l.Take("k", q.Burst)
		n := rapid.IntRange(1, 60).Draw(t, "n")
		v := l.Take("k", n)
		c.pass(v.RetryAfter - 2*time.Microsecond)
		if v.RetryAfter > 4*time.Microsecond && l.Take("k", n).Allowed {
			t.Fatalf("%d allowed before %v", n, v.RetryAfter)
		}
		c.pass(4 * time.Microsecond)
		if got := l.Take("k", n); !got.Allowed {
			t.Fatalf("%d refused after %v: %+v", n, v.RetryAfter, got)
		}
	})
}

// Given a key that is limited, when any number of new keys come, then memory
// stays bounded and the key stays limited.
func TestFloodFreesNobody(t *testing.T) {
	t.Parallel()
	c := newClock()
	q := limit.Quota{PerSecond: 1.0 / 3, Burst: 20, Keys: 1024}
	l := limit.NewLimiter(q, c.now)
	for range 20 {
		l.Take("guesser", 1)
	}
	for i := range 50_000 {
		key := fmt.Sprint("new-", i)
		l.Take(key, 1+i%20)
		if i%1000 == 0 && l.Take("guesser", 1).Allowed {
			t.Fatalf("freed after %d new keys", i)
		}
		if n := l.Len(); i%5000 == 0 && n > q.Keys {
			t.Fatalf("%d keys are kept, at most %d", n, q.Keys)
		}
	}
	if l.Take("guesser", 1).Allowed {
		t.Error("freed by the flood")
	}
}

// When everybody who is kept is limited, newcomers share what one may have.
func TestCrowdSharesOneBucket(t *testing.T) {
	t.Parallel()
	c := newClock()
	q := limit.Quota{PerSecond: 0.001, Burst: 5, Keys: 64}
	l := limit.NewLimiter(q, c.now)
	for i := range 5000 {
		l.Take(fmt.Sprint("limited-", i), 5)
	}
	allowed := 0
	for i := range 5000 {
		if l.Take(fmt.Sprint("new-", i), 1).Allowed {
			allowed++
		}
	}
	if n := l.Len(); n > q.Keys || allowed > q.Keys*q.Burst {
		t.Errorf("%d keys kept, %d newcomers allowed", n, allowed)
	}
	c.pass(time.Hour)
	if v := l.Take("after the flood", 1); !v.Allowed || v.Remaining != 4 {
		t.Errorf("no room when the flood is over: %+v", v)
	}
}

// Whatever comes afterwards, and in whatever order, those who are limited stay so.
func TestLimitedKeysSurviveAnyFlood(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		q := limit.Quota{PerSecond: 0.0001, Burst: rapid.IntRange(1, 5).Draw(t, "burst"), Keys: 1024}
		l := limit.NewLimiter(q, c.now)
		guessers := rapid.IntRange(1, 8).Draw(t, "guessers")
		for i := range guessers {
			l.Take(fmt.Sprint("guesser-", i), q.Burst)
		}
		step, n := rapid.IntRange(1, 97).Draw(t, "step"), rapid.IntRange(1, 5).Draw(t, "n")
		for i := range rapid.IntRange(1000, 5000).Draw(t, "requests") {
			l.Take(fmt.Sprint("new-", i*step%4001), n)
			if i%50 == 0 && l.Take(fmt.Sprint("guesser-", i%guessers), 1).Allowed {
				t.Fatalf("a guesser was freed after %d requests", i)
			}
		}
		if n := l.Len(); n > q.Keys {
			t.Fatalf("%d keys kept", n)
		}
	})
}

func TestIdleKeysAreForgotten(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := limit.NewLimiter(limit.Quota{PerSecond: 10, Burst: 10}, c.now)
	for i := range 10_000 {
		l.Take(fmt.Sprint("old-", i), 1)
	}
	c.pass(time.Second) // they are full, and used lately
	l.Take("another", 1)
	kept := l.Len()
	c.pass(2 * time.Minute)
	for i := range 10_000 {
		l.Take(fmt.Sprint("new-", i), 1)
	}
	if n := l.Len(); kept != 10_001 || n > 10_500 {
		t.Errorf("%d keys, then %d: the idle ones are kept", kept, n)
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	off := limit.NewLimiter(limit.Quota{}, nil)
	for range 1000 {
		if v := off.Take("k", 1); !v.Allowed || v.Limit != 0 || !off.Peek("k").Allowed {
			t.Fatalf("no quota limits: %+v", v)
		}
	}
	if off.Len() != 0 || off.Quota().Window() != 0 {
		t.Error("no quota keeps something")
	}
	c := newClock()
	l := limit.NewLimiter(limit.Quota{PerSecond: 0.5}, c.now)
	if q := l.Quota(); q.Burst != 1 || q.Window() != 2*time.Second {
		t.Errorf("defaults: %+v", q)
	}
	if v := l.Peek("k"); !v.Allowed || v.Remaining != 1 || l.Len() != 0 {
		t.Errorf("a key that was never seen: %+v", v)
	}
	if v := l.Take("k", 1000); !v.Allowed || v.Remaining != 0 || v.Reset != 2*time.Second {
		t.Errorf("more than the bucket holds: %+v", v)
	}
	if v := l.Take("k", 0); !v.Allowed || l.Take("k", -5).Remaining != 0 {
		t.Errorf("nothing: %+v", v)
	}
	if v := limit.NewLimiter(limit.Quota{PerSecond: 1e-300, Burst: 1}, c.now).Take("k", 1); v.Reset <= 0 {
		t.Errorf("a rate of next to nothing: %+v", v)
	}
}

// Concurrent callers share a bucket: none of its tokens is given out twice.
func TestConcurrentTakes(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := limit.NewLimiter(limit.Quota{PerSecond: 1, Burst: 100, Keys: 64}, c.now)
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if l.Take("k", 1).Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := allowed.Load(); n != 100 {
		t.Errorf("%d allowed of 100", n)
	}
}

func TestTakeAllocatesNothing(t *testing.T) {
	l := limit.NewLimiter(limit.Quota{PerSecond: 10, Burst: 10}, nil)
	l.Take("default/alice", 1)
	if n := testing.AllocsPerRun(1000, func() { l.Take("default/alice", 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTake(b *testing.B) {
	l := limit.NewLimiter(limit.Quota{PerSecond: 20_000, Burst: 40_000}, nil)
	b.ReportAllocs()
	for b.Loop() {
		l.Take("default/01234567-89ab-cdef-0123-456789abcdef", 1)
	}
}

func BenchmarkTakeFlood(b *testing.B) {
	l := limit.NewLimiter(limit.Quota{PerSecond: 0.3, Burst: 20, Keys: 4096}, nil)
	keys := make([]string, 1<<16)
	for i := range keys {
		keys[i] = fmt.Sprint("2001:db8:", i, "::/64")
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.Take(keys[i%len(keys)], 1)
		i++
	}
}

func BenchmarkTakeAddress(b *testing.B) {
	l := limit.NewLimiter(limit.Quota{PerSecond: 20_000, Burst: 40_000}, nil)
	from := netip.MustParseAddr("2001:db8::1")
	b.ReportAllocs()
	for b.Loop() {
		l.Take(limit.AddressKey(from), 1)
	}
}
