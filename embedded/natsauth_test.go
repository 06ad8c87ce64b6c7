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
		"$SYS.REQ.SERVER.PING", "sig.default.progress.1", "_INBOX.other.1", "anything",
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
	for _, subject := range []string{">", "ev.>", "cmd.>", "$JS.>", "$SYS.>", "*.default.>"} {
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
	for _, subject := range []string{"cmd.>"} {
		if _, err := mesh.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := mesh.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	agent, _ := agentConn(t, n)
	for _, subject := range []string{"cmd.default.task.complete", "cmd.default.p.beat"} {
		if _, err := agent.RequestWithContext(within(t), subject, []byte("x")); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
	for _, subject := range []string{"agent.default.a1.inbox", "sig.default.progress.1"} {
		sub, err := agent.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		if err := agent.FlushWithContext(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := mesh.Publish(subject, []byte("hint")); err != nil {
			t.Fatal(err)
		}
		if _, err := sub.NextMsgWithContext(within(t)); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
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

// TestAgentMayNotOverhear: what the mesh is answered, the log among it, does
// not come by where agents may listen.
func TestAgentMayNotOverhear(t *testing.T) {
	t.Parallel()
	n := startNATS(t, embedded.NATSConfig{Dir: t.TempDir()})
	agent, refused := agentConn(t, n)
	heard, err := agent.SubscribeSync("_INBOX.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Flush(); err != nil {
		t.Fatal(err)
	}
	mesh := connect(t, n)
	if _, err := mesh.Request("$JS.API.INFO", nil, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := mesh.Publish("_INBOX.mark", nil); err != nil {
		t.Fatal(err)
	}
	m, err := heard.NextMsg(5 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject != "_INBOX.mark" {
		t.Errorf("an agent heard %s: %s", m.Subject, m.Data)
	}
	if _, err := agent.SubscribeSync("_MESH.>"); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, refused)
}
