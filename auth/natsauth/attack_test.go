package natsauth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/hivemesh/hivemesh/auth/natsauth"
	"github.com/hivemesh/hivemesh/embedded"
)

const agentA = "ok t1 a a-agent" // tenant, principal and agent of the attacker

func wantRefusal(t *testing.T, refused <-chan error) {
	t.Helper()
	select {
	case err := <-refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("not refused")
	}
}

// TestNATSAttackMatrix: what an agent with a valid credential tries beyond its
// grant is refused by the server.
func TestNATSAttackMatrix(t *testing.T) {
	t.Parallel()
	r := start(t, natsauth.Config{})
	js := logStream(t, r)
	attacks := map[string]struct{ publish, subscribe []string }{
		"agent A as B": {
			publish:   []string{"cmd.t1.b.beat", "cmd.t1.b.task.complete", "cmd.t1.*.task.complete", "agent.t1.b-agent.inbox"},
			subscribe: []string{"agent.t1.b-agent.inbox", "agent.t1.*.inbox", "agent.>", "_INBOX.t1-b.>", "_INBOX.*.x"},
		},
		"another tenant": {
			publish:   []string{"cmd.t2.a.beat", "cmd.t2.a.task.submit", "sig.t2.progress.1"},
			subscribe: []string{"sig.t2.>", "sig.*.>", "sig.>", "agent.t2.a-agent.inbox", "_INBOX.t2-a.>", "_INBOX.>"},
		},
		"the commands of others": {
			subscribe: []string{"cmd.>", "cmd.t1.a.>", "cmd.*.*.beat", "cmd.t1.a.beat"},
		},
		"the log": {
			publish:   []string{"ev.t1.task.1", "ev.t2.task.1"},
			subscribe: []string{"ev.>", "ev.t1.>"},
		},
		"JetStream": {
			publish: []string{
				"$JS.API.STREAM.PURGE.EVENTS", "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.UPDATE.EVENTS", "$JS.API.STREAM.CREATE.X",
				"$JS.API.STREAM.MSG.DELETE.EVENTS", "$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.DIRECT.GET.EVENTS", "$JS.API.STREAM.SNAPSHOT.EVENTS",
				"$JS.API.CONSUMER.CREATE.EVENTS", "$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.x", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.x",
				"$JS.API.CONSUMER.DELETE.EVENTS.x", "$JS.API.INFO", "$JS.ACK.x", "$JS.FC.x", "$KV.KEYS.admin.verifier", "$O.ARTIFACTS.M.x",
			},
			subscribe: []string{"$JS.>", "$JS.EVENT.>", "$KV.>", "$O.>"},
		},
		"the server": {
			publish:   []string{"$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.AUTH", "$SYS.REQ.ACCOUNT.$G.CONNZ", "$SYS.REQ.USER.INFO"},
			subscribe: []string{"$SYS.>", "$SYS.REQ.USER.AUTH", "$SYS.REQ.>"},
		},
		"the mesh": {
			publish:   []string{"_MESH.x", "_INBOX.t1-a.x", "sig.t1.progress.1", "agent.t1.a-agent.inbox", "anything"},
			subscribe: []string{"_MESH.>", "_MESH.x"},
		},
		"wildcards": {
			subscribe: []string{">", "*", "*.>", "*.t1.>", "*.t1.a-agent.inbox"},
		},
	}
	t.Run("refused", func(t *testing.T) {
		for name, attack := range attacks {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				nc, refused := r.dial(t, agentA)
				tryAll(t, nc, refused, attack.publish, attack.subscribe)
			})
		}
	})
	if s, err := js.Stream(within(t), "EVENTS"); err != nil || s.CachedInfo().State.LastSeq != 1 {
		t.Errorf("the log has changed: %v", err)
	}
}

// TestPersonStaysInTenant: what people may hear beyond agents ends at the tenant.
func TestPersonStaysInTenant(t *testing.T) {
	t.Parallel()
	r := start(t, natsauth.Config{})
	nc, refused := r.dial(t, "ok t1 p")
	tryAll(t, nc, refused, []string{"cmd.t1.a.task.cancel", "cmd.t2.p.task.cancel", "hb.t1.p", "sig.t1.progress.1", "ev.t1.task.1"},
		[]string{"sig.t2.progress.*", "sig.>", "sig.*.progress.1", "agent.t1.p.inbox", "_INBOX.t1-a.x", "_INBOX.t2-p.x", "ev.t1.>", ">"})
}

// tryAll has a client publish and subscribe, and wants each refused.
func tryAll(t *testing.T, nc *nats.Conn, refused <-chan error, publish, subscribe []string) {
	t.Helper()
	for _, subject := range publish {
		t.Log("publish", subject)
		if err := nc.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, refused)
	}
	for _, subject := range subscribe {
		t.Log("subscribe", subject)
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, refused)
	}
}

// logStream makes a log with one event, as the mesh does.
func logStream(t *testing.T, r *rig) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(r.mesh)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"ev.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "ev.t1.task.0", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	return js
}

// TestConnectRefused: who presents nothing, or something wrong, stays out.
func TestConnectRefused(t *testing.T) {
	t.Parallel()
	r := start(t, natsauth.Config{})
	for name, opts := range map[string][]nats.Option{
		"nothing":             {},
		"wrong token":         {nats.Token("bad t1 a")},
		"wrong password":      {nats.UserInfo("t1.a", "bad")},
		"the mesh, guessed":   {nats.UserInfo("mesh", "")},
		"the mesh, by token":  {nats.Token("mesh")},
		"the agents' user":    {nats.UserInfo("agent", "")},
		"ids with wildcards":  {nats.Token("ok t1 *")},
		"ids with more parts": {nats.Token("ok t1 a a.>")},
		"an empty id":         {nats.Token("ok t1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc, err := nats.Connect(r.server.URL(), append(opts, nats.Timeout(10*time.Second))...)
			if err == nil {
				nc.Close()
				t.Fatal("let in")
			}
			if !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestGrantedSubjects: what is granted works, with requests and signals, and
// with encrypted requests.
func TestGrantedSubjects(t *testing.T) {
	t.Parallel()
	xkey, err := nkeys.CreateCurveKeys()
	if err != nil {
		t.Fatal(err)
	}
	n := startServer(t, embedded.NATSConfig{Dir: t.TempDir(), Callout: &embedded.Callout{XKey: xkey}})
	r := answer(t, n, natsauth.Config{})
	for _, subject := range []string{"cmd.*.*.*.*", "cmd.*.*.beat"} {
		if _, err := r.mesh.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond([]byte(m.Subject)) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.mesh.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	nc, _ := r.dial(t, agentA)
	for _, subject := range []string{"cmd.t1.a.task.complete", "cmd.t1.a.beat"} {
		if m, err := nc.RequestWithContext(within(t), subject, nil); err != nil || string(m.Data) != subject {
			t.Errorf("%s: %v", subject, err)
		}
	}
	person, _ := r.dial(t, "ok t1 p")
	for subject, nc := range map[string]*nats.Conn{"agent.t1.a-agent.inbox": nc, "sig.t1.progress.1": person} {
		sub, err := nc.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.FlushWithContext(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := r.mesh.Publish(subject, []byte("hint")); err != nil {
			t.Fatal(err)
		}
		if _, err := sub.NextMsgWithContext(within(t)); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
}
