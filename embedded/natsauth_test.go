package embedded_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/embedded"
)

// agentConn connects over TCP as an agent does. Refusals come on the channel.
func agentConn(t *testing.T, n *embedded.NATS) (*nats.Conn, <-chan error) {
	t.Helper()
	user, password := n.AgentUser()
	refused := make(chan error, 16)
	nc, err := nats.Connect(n.URL(), nats.UserInfo(user, password),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc, refused
}

func wantRefusal(t *testing.T, refused <-chan error) {
	t.Helper()
	select {
	case err := <-refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("got %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("not refused")
	}
}

func TestAgentMayNotPublish(t *testing.T) {
	t.Parallel()
	n := startNATS(t, embedded.NATSConfig{Dir: t.TempDir()})
	makeStream(t, connect(t, n))
	nc, refused := agentConn(t, n)
	for _, subject := range []string{
		"ev.default.task.1", "agent.default.1.inbox", "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS",
		"$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.DIRECT.GET.EVENTS", "$JS.API.INFO", "$JS.ACK.x", "$KV.b.k", "$O.ARTIFACTS.M.x",
		"$SYS.REQ.SERVER.PING", "anything",
	} {
		if err := nc.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		t.Log(subject)
		wantRefusal(t, refused)
	}
}

func TestAgentMayNotSubscribe(t *testing.T) {
	t.Parallel()
	n := startNATS(t, embedded.NATSConfig{Dir: t.TempDir()})
	nc, refused := agentConn(t, n)
	for _, subject := range []string{">", "ev.>", "cmd.>", "hb.>", "$JS.>", "$SYS.>", "*.default.>"} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		t.Log(subject)
		wantRefusal(t, refused)
	}
}

func TestAgentReachesTheMesh(t *testing.T) {
	t.Parallel()
	n := startNATS(t, embedded.NATSConfig{Dir: t.TempDir()})
	mesh := connect(t, n)
	for _, subject := range []string{"cmd.>", "hb.>", "sig.>"} {
		if _, err := mesh.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := mesh.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	agent, _ := agentConn(t, n)
	for _, subject := range []string{"cmd.default.task.complete", "hb.default.a1", "sig.default.a1"} {
		if _, err := agent.RequestWithContext(within(t), subject, []byte("x")); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
	inbox, err := agent.SubscribeSync("agent.default.a1.inbox")
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := mesh.Publish("agent.default.a1.inbox", []byte("hint")); err != nil {
		t.Fatal(err)
	}
	if _, err := inbox.NextMsgWithContext(within(t)); err != nil {
		t.Error(err)
	}
}

func TestNATSRefusesStrangers(t *testing.T) {
	t.Parallel()
	n := startNATS(t, embedded.NATSConfig{Dir: t.TempDir(), MeshPassword: "m", AgentPassword: "a"})
	for name, opt := range map[string]nats.Option{
		"nobody":         nil,
		"wrong password": nats.UserInfo("mesh", "a"),
		"system":         nats.UserInfo("sys", ""),
	} {
		nc, err := nats.Connect(n.URL(), opt)
		if err == nil {
			nc.Close()
			t.Errorf("%s: let in", name)
		}
	}
	nc, err := nats.Connect(n.URL(), nats.UserInfo("agent", "a"))
	if err != nil {
		t.Fatalf("agent with its password: %v", err)
	}
	nc.Close()
}
