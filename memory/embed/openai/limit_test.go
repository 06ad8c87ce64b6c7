package openai_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/memory/embed/openai"
)

const one = `{"data":[{"embedding":[1,0,0]}],"usage":{"prompt_tokens":1}}`

func TestRequestsAtOnce(t *testing.T) {
	t.Parallel()
	const limit, callers = 3, 12
	var running, most atomic.Int32
	full, gate := make(chan struct{}), make(chan struct{})
	e := start(t, func(w http.ResponseWriter, _ *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == limit {
			select {
			case full <- struct{}{}:
			default:
			}
		}
		<-gate
		says(one)(w, nil)
	}, func(c *openai.Config) { c.MaxConcurrent = limit })
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if _, err := e.Embed(t.Context(), []string{"a"}); err != nil {
				t.Error(err)
			}
		})
	}
	<-full
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := e.Embed(ctx, []string{"a"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one more while all places are taken: %v", err)
	}
	close(gate)
	wg.Wait()
	if most.Load() != limit {
		t.Errorf("%d at once, want %d", most.Load(), limit)
	}
}

func TestLimitsPerMinute(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*openai.Config){
		"requests": func(c *openai.Config) { c.RequestsPerMinute = 20 }, // 2 at once
		"tokens":   func(c *openai.Config) { c.TokensPerMinute = 20 },   // 10 a text
		"counted":  func(c *openai.Config) { c.TokensPerMinute = 60 },   // 10 guessed, 30 counted
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			e := start(t, func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				says(`{"data":[{"embedding":[1,0,0]}],"usage":{"prompt_tokens":`+map[bool]string{true: "30", false: "10"}[name == "counted"]+`}}`)(w, nil)
			}, change)
			const text = "thirty-six bytes of text, ten tokens" // 36/4 + 1
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			for range 2 {
				if _, err := e.Embed(ctx, []string{text}); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			if _, err := e.Embed(ctx, []string{text}); !errors.Is(err, context.DeadlineExceeded) || asked.Load() != 2 {
				t.Errorf("the third of a minute: %v after %d requests", err, asked.Load())
			}
			if time.Since(began) > 500*time.Millisecond {
				t.Error("a wait that cannot end in time is waited for")
			}
		})
	}
}
