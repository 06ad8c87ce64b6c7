// Package embeddedtest gives tests the real servers: a NATS server of their
// own, and a database of their own on one PostgreSQL server that all test
// processes of the user share.
package embeddedtest

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/embedded"
)

const stopTimeout = 20 * time.Second

// NATS starts a server in a directory of the test, on a free port of the
// loopback, and stops it when the test ends.
func NATS(t testing.TB) *embedded.NATS {
	t.Helper()
	return start(t, nil)
}

// CalloutNATS is NATS with a server that asks who a connection belongs to: see
// embedded.Callout.
func CalloutNATS(t testing.TB) *embedded.NATS {
	t.Helper()
	return start(t, &embedded.Callout{})
}

func start(t testing.TB, callout *embedded.Callout) *embedded.NATS {
	t.Helper()
	n, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir(), Port: -1, Callout: callout, Log: zerolog.Nop()})
	if err != nil {
		t.Fatalf("start NATS: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := n.Stop(ctx); err != nil {
			t.Errorf("stop NATS: %v", err)
		}
	})
	return n
}
