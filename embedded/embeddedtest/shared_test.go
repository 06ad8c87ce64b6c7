package embeddedtest

import (
	"context"
	"net"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/embedded/internal/pg"
)

// newShared returns a server like the shared one, of the test's own.
func newShared(t *testing.T, idle time.Duration) shared {
	t.Helper()
	s := shared{dir: t.TempDir(), idle: idle, logf: t.Logf}
	t.Cleanup(func() {
		if err := pg.StopAt(context.Background(), s.dir+"/cluster"); err != nil {
			t.Error(err)
		}
	})
	return s
}

func join(t *testing.T, s shared) *holder {
	t.Helper()
	h, err := s.attach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func leave(t *testing.T, h *holder) {
	t.Helper()
	if err := h.conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func awaitGone(t *testing.T, h *holder) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		conn, err := net.Dial("tcp", h.base.Host)
		if err != nil {
			return
		}
		_ = conn.Close()
	}
	t.Fatal("the server does not stop")
}

func TestServerStopsAfterItsLastHolder(t *testing.T) {
	t.Parallel()
	s := newShared(t, time.Second)
	first, second := join(t, s), join(t, s)
	if first.base.Host != second.base.Host {
		t.Fatalf("two servers: %s and %s", first.base.Host, second.base.Host)
	}
	leave(t, first)
	// Longer than the idle time: one holder is enough to keep it.
	if _, err := second.conn.Exec(t.Context(), "SELECT pg_sleep(4)"); err != nil {
		t.Fatal(err)
	}
	leave(t, second)
	awaitGone(t, second)
	leave(t, join(t, s))
}

func TestOneServerForAllWhoCome(t *testing.T) {
	t.Parallel()
	s := newShared(t, time.Minute)
	hosts := make([]string, 8)
	var g errgroup.Group
	for i := range hosts {
		g.Go(func() error {
			h, err := s.attach(t.Context())
			if err != nil {
				return err
			}
			hosts[i] = h.base.Host
			return h.conn.Close(t.Context())
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, host := range hosts {
		if host != hosts[0] {
			t.Errorf("servers: %v", hosts)
		}
	}
}

// Who comes while the server is about to stop gets it or the next one.
func TestComingWhileItStops(t *testing.T) {
	t.Parallel()
	s := newShared(t, 0)
	for range 2 {
		h := join(t, s)
		if _, err := h.conn.Exec(t.Context(), "SELECT pg_sleep(0.3)"); err != nil {
			t.Fatalf("stopped while held: %v", err)
		}
		leave(t, h)
		next := join(t, s)
		if err := next.conn.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		leave(t, next)
		awaitGone(t, next)
	}
}

func TestLostReaperIsReplaced(t *testing.T) {
	t.Parallel()
	s := newShared(t, time.Second)
	h := join(t, s)
	const kill = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1"
	if _, err := h.conn.Exec(t.Context(), kill, reaperName); err != nil {
		t.Fatal(err)
	}
	leave(t, join(t, s))
	leave(t, h)
	awaitGone(t, h)
}
