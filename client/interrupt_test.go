package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
)

// TestCancelledIsNotUnreachable cancels calls, with a cause as a signal gives
// one, wherever they are: they fail with context.Canceled.
func TestCancelledIsNotUnreachable(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"without an answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"in the answer": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"version":`))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"before a repetition": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan struct{}, 9)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				answer(w, r)
			}))
			defer server.Close()
			c, err := New(Config{URL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			mustBeCancelled(t, asked, func(ctx context.Context) error {
				_, err := c.Version(ctx)
				return err
			})
		})
	}
	t.Run("over NATS", func(t *testing.T) {
		t.Parallel()
		nc, err := embeddedtest.NATS(t).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		asked := make(chan struct{}, 9)
		sub, err := nc.SubscribeSync("cmd.silent")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if _, err := sub.NextMsg(10 * time.Second); err == nil {
				asked <- struct{}{}
			}
		}()
		mustBeCancelled(t, asked, func(ctx context.Context) error {
			return (&Client{source: func(context.Context) (string, error) { return "", nil }}).request(ctx, nc, "cmd.silent", struct{}{}, nil)
		})
	})
}

func mustBeCancelled(t *testing.T, asked <-chan struct{}, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	failed := make(chan error, 1)
	go func() { failed <- call(ctx) }()
	<-asked
	cancel(errors.New("interrupt"))
	var unreachable *UnreachableError
	if err := <-failed; !errors.Is(err, context.Canceled) || errors.As(err, &unreachable) || IsUnavailable(err) {
		t.Errorf("got %v", err)
	}
}
