package embedded_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/embedded"
)

func startNATS(t *testing.T, cfg embedded.NATSConfig) *embedded.NATS {
	t.Helper()
	if cfg.Port == 0 {
		cfg.Port = -1
	}
	n, err := embedded.StartNATS(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Stop(context.Background()) })
	return n
}

func connect(t *testing.T, n *embedded.NATS) *nats.Conn {
	t.Helper()
	nc, err := n.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func makeStream(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"ev.>"}})
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestNATSSyncsAlways(t *testing.T) {
	t.Parallel()
	n := startNATS(t, embedded.NATSConfig{Dir: t.TempDir(), NoListen: true})
	if !n.SyncsAlways() {
		t.Error("an acknowledged write may not be on disk")
	}
}

func TestNATSKeepsDataOverRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startNATS(t, embedded.NATSConfig{Dir: dir})
	nc := connect(t, first)
	if _, err := makeStream(t, nc).Publish(t.Context(), "ev.a", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if s := first.Stats(); s.StoreBytes == 0 || s.Connections != 1 {
		t.Errorf("stats: %+v", s)
	}
	nc.Close()
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(connect(t, startNATS(t, embedded.NATSConfig{Dir: dir})))
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetLastMsgForSubject(t.Context(), "ev.a")
	if err != nil || string(m.Data) != "kept" {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestNATSRefusesDirInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startNATS(t, embedded.NATSConfig{Dir: dir})
	_, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir, Port: -1})
	if !errors.Is(err, embedded.ErrDirInUse) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), dir) {
		t.Errorf("the error does not name the directory: %v", err)
	}
}

func TestNATSRefusesPortInUseAndFreesDir(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	dir := t.TempDir()
	_, err = embedded.StartNATS(embedded.NATSConfig{Dir: dir, Port: l.Addr().(*net.TCPAddr).Port})
	if !errors.Is(err, embedded.ErrPortInUse) {
		t.Fatalf("got %v", err)
	}
	startNATS(t, embedded.NATSConfig{Dir: dir})
}

func TestNATSReportsWhyItCannotStart(t *testing.T) {
	t.Parallel()
	_, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir(), Host: "203.0.113.1", Port: -1})
	if err == nil || !strings.Contains(err.Error(), "listening") {
		t.Errorf("got %v", err)
	}
}

func TestNATSWithoutListener(t *testing.T) {
	t.Parallel()
	n := startNATS(t, embedded.NATSConfig{Dir: t.TempDir(), NoListen: true})
	if n.URL() != "" {
		t.Errorf("URL: %s", n.URL())
	}
	if err := connect(t, n).FlushWithContext(within(t)); err != nil {
		t.Error(err)
	}
}

func TestNATSCarriesLargePayload(t *testing.T) {
	t.Parallel()
	n := startNATS(t, embedded.NATSConfig{Dir: t.TempDir()})
	nc := connect(t, n)
	sub, err := nc.SubscribeSync("big")
	if err != nil {
		t.Fatal(err)
	}
	msg := nats.NewMsg("big")
	msg.Header.Set("ce-id", "x")
	msg.Data = make([]byte, 8<<20)
	if err := nc.PublishMsg(msg); err != nil {
		t.Fatal(err)
	}
	if got, err := sub.NextMsgWithContext(within(t)); err != nil || len(got.Data) != len(msg.Data) {
		t.Errorf("got %v", err)
	}
	msg.Data = make([]byte, embedded.MaxPayload)
	if err := nc.PublishMsg(msg); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("over the limit: %v", err)
	}
}

func TestNATSConnectHonoursContext(t *testing.T) {
	t.Parallel()
	n := startNATS(t, embedded.NATSConfig{Dir: t.TempDir(), NoListen: true, Log: zerolog.Nop()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Connect(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
