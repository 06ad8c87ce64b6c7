package natsauth_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/auth/natsauth"
)

func TestGrants(t *testing.T) {
	t.Parallel()
	person, err := natsauth.PrincipalGrant("t1", "p")
	if err != nil {
		t.Fatal(err)
	}
	agent, err := natsauth.AgentGrant("t1", "p", "a")
	if err != nil {
		t.Fatal(err)
	}
	want := []natsauth.Grant{
		{ID: "p", Tenant: "t1", Publish: []string{"cmd.t1.p.>"}, Subscribe: []string{"_INBOX.t1-p.>", "sig.t1.>"}},
		{ID: "p", Tenant: "t1", Publish: []string{"cmd.t1.p.>"}, Subscribe: []string{"_INBOX.t1-p.>", "agent.t1.a.inbox"}},
	}
	if diff := cmp.Diff(want, []natsauth.Grant{person, agent}); diff != "" {
		t.Error(diff)
	}
}

// TestGrantsTakeNoWildcards: no id makes a grant wider than one principal.
func TestGrantsTakeNoWildcards(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "*", ">", "a.b", "a.>", "a b", "a\tb", "a\n", ".", "é", "$G", string(make([]byte, 200))} {
		for at := range 3 {
			ids := slices.Insert([]string{"x", "y"}, at, id)
			if _, err := natsauth.AgentGrant(ids[0], ids[1], ids[2]); err == nil {
				t.Errorf("%q granted", ids)
			}
		}
		if _, err := natsauth.PrincipalGrant("t1", id); err == nil {
			t.Errorf("%q granted", id)
		}
	}
}

func TestOwnReply(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]bool{
		"_INBOX.t1-a.x":                  true,
		"_INBOX.t1-a.x.y":                true,
		"":                               false,
		"_INBOX.t1-a":                    false,
		"_INBOX.t1-aa.x":                 false,
		"_INBOX.t1-b.x":                  false,
		"_INBOX.t2-a.x":                  false,
		"_INBOX.t1-a.*":                  false,
		"ev.t1.task.1":                   false,
		"$JS.API.STREAM.PURGE.EVENTS":    false,
		"agent.t1.b.inbox":               false,
		"_MESH.x":                        false,
		"$SYS.REQ.USER.AUTH":             false,
		"_INBOX.t1-a.x\r\nPUB ev.x 0":    false,
		"sig.t1.progress.1._INBOX.t1-a.": false,
	} {
		if natsauth.OwnReply("t1", "a", reply) != want {
			t.Errorf("%q: not %v", reply, want)
		}
	}
}

// TestServerLetsRepliesPointAnywhere is why OwnReply is needed: a request may
// name the log as the place for its answer, and the server passes it on.
func TestServerLetsRepliesPointAnywhere(t *testing.T) {
	t.Parallel()
	r := start(t, natsauth.Config{})
	sub, err := r.mesh.SubscribeSync("cmd.*.*.*.*")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.mesh.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	nc, _ := r.dial(t, agentA)
	if err := nc.PublishMsg(&nats.Msg{Subject: "cmd.t1.a.task.why", Reply: "ev.t1.task.1"}); err != nil {
		t.Fatal(err)
	}
	m, err := sub.NextMsgWithContext(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if m.Reply != "ev.t1.task.1" || natsauth.OwnReply("t1", "a", m.Reply) {
		t.Errorf("reply to %q", m.Reply)
	}
}
