package embedded_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/embedded"
)

// TestCalloutLeavesMeshAlone: with a callout that nobody answers the mesh
// connects, finds the log of before, and uses all of JetStream.
func TestCalloutLeavesMeshAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startNATS(t, embedded.NATSConfig{Dir: dir})
	if _, err := makeStream(t, connect(t, first)).Publish(t.Context(), "ev.a", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := startNATS(t, embedded.NATSConfig{Dir: dir, Callout: &embedded.Callout{}})
	if !n.SyncsAlways() {
		t.Error("an acknowledged write may not be on disk")
	}
	js, err := jetstream.New(connect(t, n))
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t)
	c, err := js.CreateConsumer(ctx, "EVENTS", jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Next(jetstream.FetchMaxWait(10 * time.Second))
	if err != nil || string(m.Data()) != "kept" {
		t.Fatalf("got %v, %v", m, err)
	}
	if err := m.DoubleAck(ctx); err != nil {
		t.Error(err)
	}
	s, err := js.Stream(ctx, "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(ctx); err != nil {
		t.Error(err)
	}
	if _, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "B"}); err != nil {
		t.Error(err)
	}
	if err := js.DeleteStream(ctx, "EVENTS"); err != nil {
		t.Error(err)
	}
}

// TestCalloutHasNoSharedUser: the passwords of users that agents might know
// open nothing, and the mesh's own must be right.
func TestCalloutHasNoSharedUser(t *testing.T) {
	t.Parallel()
	n := startNATS(t, embedded.NATSConfig{
		Dir: t.TempDir(), MeshPassword: "m", AgentPassword: "a", Callout: &embedded.Callout{Password: "c", Timeout: time.Second},
	})
	for name, opt := range map[string]nats.Option{
		"the agents' user":          nats.UserInfo("agent", "a"),
		"nobody":                    nil,
		"the mesh, wrong":           nats.UserInfo("mesh", "c"),
		"who answers, wrong":        nats.UserInfo("mesh-auth", "m"),
		"who answers, without":      nats.UserInfo("mesh-auth", ""),
		"the mesh's name as token":  nats.Token("mesh"),
		"the server's own accounts": nats.UserInfo("$SYS", ""),
	} {
		nc, err := nats.Connect(n.URL(), opt, nats.Timeout(2*time.Second))
		if err == nil {
			nc.Close()
			t.Errorf("%s: let in", name)
		}
	}
	for user, password := range map[string]string{"mesh": "m", "mesh-auth": "c"} {
		nc, err := nats.Connect(n.URL(), nats.UserInfo(user, password))
		if err != nil {
			t.Errorf("%s: %v", user, err)
			continue
		}
		nc.Close()
	}
}

func TestConnectAuth(t *testing.T) {
	t.Parallel()
	with := startNATS(t, embedded.NATSConfig{Dir: t.TempDir(), NoListen: true, Callout: &embedded.Callout{}})
	nc, err := with.ConnectAuth(within(t))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if with.Callout().Issuer == nil || with.Callout().Password == "" {
		t.Error("the keys were not made")
	}
	if n := with.Disconnect(time.Now(), func(string) bool { return true }); n != 0 || nc.FlushWithContext(within(t)) != nil {
		t.Errorf("%d closed; the mesh's own must stay", n)
	}
	without := startNATS(t, embedded.NATSConfig{Dir: t.TempDir(), NoListen: true})
	if _, err := without.ConnectAuth(within(t)); err == nil {
		t.Error("connected without a callout")
	}
}
