package api_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// joined is an agent with a key pair that has registered.
type joined struct{ id, token string }

func join(t *testing.T, m *apitest.Mesh, name string) joined {
	t.Helper()
	anon := m.NewClient(t, "")
	pair, err := client.Join(t.Context(), anon, invite(t, m, domain.Agent, name), "")
	if err != nil {
		t.Fatal(err)
	}
	token, err := pair.Source(anon)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reg, err := m.NewClient(t, token).Register(t.Context(), client.RegisterRequest{Name: name, Capabilities: []string{name}, Capacity: 1})
	if err != nil || reg.ID != pair.Principal {
		t.Fatalf("%+v, %v", reg, err)
	}
	return joined{id: reg.ID, token: token}
}

// dial connects and returns what the server refuses later on.
func dial(t *testing.T, m *apitest.Mesh, credential, principal string, opts ...nats.Option) (*nats.Conn, <-chan error) {
	t.Helper()
	refused := make(chan error, 64)
	nc, err := nats.Connect(m.Server.URL(), append(opts, nats.Token(credential), nats.NoReconnect(),
		nats.CustomInboxPrefix(client.InboxPrefix(domain.DefaultTenant, principal)),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc, refused
}

func asAgent(id string) nats.Option { return nats.Name(client.AgentConnection + id) }

// TestNATSAttacks: what somebody with a valid credential tries on NATS beyond
// it. The server refuses subjects, the mesh what is said on one's own.
func TestNATSAttacks(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{Heartbeat: time.Minute})
	awaitModels(t, m)
	makeTenant(t, m, "other")
	a, b := join(t, m, "attacker"), join(t, m, "victim")
	for name, test := range map[string]func(*testing.T, *apitest.Mesh, joined, joined){
		"subjects":             testForeignSubjects,
		"reports for another":  testReportsForAnother,
		"another tenant":       testAnotherTenantOnNATS,
		"replies":              testRepliesElsewhere,
		"names of connections": testConnectionNames,
		"limited credentials":  testLimitedOnNATS,
		"suspension":           testSuspensionCutsNATS,
		"expiry":               testExpiryCutsNATS,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, m, a, b)
		})
	}
}

// foreign are subjects that are nobody's but the mesh's, or the victim's.
func foreign(victim joined) (publish, subscribe []string) {
	publish = []string{
		client.HeartbeatSubject("default", victim.id), client.HeartbeatSubject("other", victim.id), client.InboxSubject("default", victim.id),
		client.CommandSubject("default", victim.id, "task.complete"), client.CommandSubject("other", victim.id, "task.submit"),
		client.CommandSubject("default", "*", "task.submit"), client.InboxPrefix("default", victim.id) + ".x", client.ProgressSubject("default", "x"),
		"ev.default.task.x", "ev.other.identity.x", "_MESH.x", "anything",
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.AUTH", "$SYS.REQ.ACCOUNT.$G.CONNZ", "$KV.LEASES.x", "$KV.LOGINS.x", "$O.ARTIFACTS.M.x",
	}
	for _, api := range []string{
		"STREAM.PURGE.EVENTS", "STREAM.DELETE.EVENTS", "STREAM.UPDATE.EVENTS", "STREAM.CREATE.X", "STREAM.MSG.DELETE.EVENTS", "STREAM.MSG.GET.EVENTS",
		"STREAM.SNAPSHOT.EVENTS", "STREAM.RESTORE.EVENTS", "STREAM.LIST", "DIRECT.GET.EVENTS", "DIRECT.GET.EVENTS.ev.default.task.x",
		"CONSUMER.CREATE.EVENTS", "CONSUMER.CREATE.EVENTS.x.ev.>", "CONSUMER.DURABLE.CREATE.EVENTS.x", "CONSUMER.MSG.NEXT.EVENTS.x", "INFO",
		"STREAM.PURGE.KV_LEASES", "STREAM.MSG.GET.KV_LOGINS", "STREAM.MSG.GET.OBJ_ARTIFACTS",
	} {
		publish = append(publish, "$JS.API."+api)
	}
	subscribe = []string{
		client.InboxSubject("default", victim.id), "agent.default.*.inbox", "agent.>", client.InboxPrefix("default", victim.id) + ".>", "_INBOX.>",
		"ev.>", "ev.default.>", "cmd.>", client.CommandSubject("default", victim.id, "task.complete"), "hb.>", "sig.other.>", "sig.>",
		"$JS.>", "$KV.>", "$O.>", "$SYS.>", "_MESH.>", ">", "*.default.>",
	}
	return publish, subscribe
}

func testForeignSubjects(t *testing.T, m *apitest.Mesh, a, b joined) {
	t.Helper()
	personID, person := makePrincipal(t, m, "default", domain.Human, "wire-person", identity.RoleDeveloper)
	nobodyID, nobody := makePrincipal(t, m, "default", domain.Service, "wire-nobody")
	publish, subscribe := foreign(b)
	agentNC, agentRefused := dial(t, m, a.token, a.id, asAgent(a.id))
	personNC, personRefused := dial(t, m, person, personID)
	rootNC, rootRefused := dial(t, m, m.Token, m.Root)
	nobodyNC, nobodyRefused := dial(t, m, nobody, nobodyID)
	plainNC, plainRefused := dial(t, m, a.token, a.id) // an agent that does not say that it is one
	for _, who := range []struct {
		name    string
		nc      *nats.Conn
		refused <-chan error
		signals bool
	}{
		{"agent", agentNC, agentRefused, false},
		{"agent as a person", plainNC, plainRefused, false},
		{"person", personNC, personRefused, true},
		{"root", rootNC, rootRefused, true},
		{"without a role", nobodyNC, nobodyRefused, false},
	} {
		hear := subscribe
		if !who.signals {
			hear = append([]string{"sig.default.>", client.ProgressSubject("default", "x")}, subscribe...)
		}
		for _, subject := range publish {
			if err := who.nc.Publish(subject, []byte("{}")); err != nil {
				t.Fatal(err)
			}
			wantViolation(t, who.name+" publishes "+subject, who.refused)
		}
		for _, subject := range hear {
			if _, err := who.nc.SubscribeSync(subject); err != nil {
				t.Fatal(err)
			}
			wantViolation(t, who.name+" subscribes "+subject, who.refused)
		}
	}
}

func wantViolation(t *testing.T, what string, refused <-chan error) {
	t.Helper()
	select {
	case err := <-refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("%s: not refused", what)
	}
}

// testReportsForAnother: on its own subject an agent names another one.
func testReportsForAnother(t *testing.T, m *apitest.Mesh, a, b joined) {
	t.Helper()
	task := submit(t, m, client.SubmitRequest{Capabilities: []string{"victim"}})
	var got client.Messages
	decode(t, ask(t, m, "GET", "/v1/agents/"+b.id+"/assignments?wait=20s", "", "Authorization", "Bearer "+b.token), &got)
	if len(got.Messages) != 1 || got.Messages[0].Assign == nil {
		t.Fatalf("%+v", got)
	}
	nc, _ := dial(t, m, a.token, a.id, asAgent(a.id))
	for _, agent := range []string{b.id, a.id} {
		report, err := json.Marshal(client.AttemptReport{Task: task.ID, Attempt: got.Messages[0].Assign.Attempt, Agent: agent})
		if err != nil {
			t.Fatal(err)
		}
		for _, verb := range []string{"start", "progress", "complete", "fail", "return"} {
			if status, answer := request(t, nc, client.CommandSubject("default", a.id, "task."+verb), string(report)); status != "403" {
				t.Errorf("task.%s as %s: %s %s", verb, agent, status, answer)
			}
		}
	}
	about := `{"id":"` + b.id + `"}`
	for verb, body := range map[string]string{
		"agent.open": `{"agent":"` + b.id + `"}`, "agent.leave": about, "agent.drain": about, "agent.resume": about,
		"agent.sleep": about, "agent.wake": about,
		"agent.register": `{"name":"victim"}`, "task.cancel": `{"id":"` + task.ID + `"}`, "task.submit": `{"capabilities":["x"]}`,
		"task.why": `{"id":"` + task.ID + `"}`,
	} {
		if status, answer := request(t, nc, client.CommandSubject("default", a.id, verb), body); !strings.HasPrefix(status, "4") {
			t.Errorf("%s: %s %s", verb, status, answer)
		}
	}
	page, err := m.Client.TaskEvents(t.Context(), task.ID, "")
	if err != nil || len(page.Items) != 2 { // submitted and assigned
		t.Errorf("%d events of the task, %v", len(page.Items), err)
	}
}

func testAnotherTenantOnNATS(t *testing.T, m *apitest.Mesh, a, _ joined) {
	t.Helper()
	other := makeEstate(t, m, "other")
	nc := agentConn(t, m) // root, which may go there over HTTP, and whose connection is of its own tenant
	for verb, body := range map[string]string{
		"task.why": `{"id":"` + other.task + `"}`, "task.cancel": `{"id":"` + other.task + `"}`, "agent.drain": `{"id":"` + other.agent + `"}`,
		"artifact.get": `{"digest":"` + other.digest + `"}`,
	} {
		msg := nats.NewMsg(client.CommandSubject("default", m.Root, verb))
		msg.Header.Set(client.HeaderTenant, "other")
		msg.Data = []byte(body)
		res, err := nc.RequestMsg(msg, 20*time.Second)
		if err != nil || res.Header.Get(client.HeaderError) != "404" {
			t.Errorf("%s: %v %v", verb, res, err)
		}
	}
	id, key := makePrincipal(t, m, "other", domain.Human, "abroad", identity.RoleTenantAdmin)
	abroad, refused := dial(t, m, key, id)
	for _, subject := range []string{client.CommandSubject("default", id, "task.submit"), client.CommandSubject("default", m.Root, "task.submit"), client.HeartbeatSubject("default", a.id)} {
		if err := abroad.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		wantViolation(t, subject, refused)
	}
	for _, subject := range []string{"sig.default.>", client.InboxSubject("default", a.id), client.InboxPrefix("default", id) + ".>"} {
		if _, err := abroad.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		wantViolation(t, subject, refused)
	}
}

// testRepliesElsewhere: a command whose answer is to go elsewhere than home is
// not carried out.
func testRepliesElsewhere(t *testing.T, m *apitest.Mesh, _, b joined) {
	t.Helper()
	victim, _ := dial(t, m, b.token, b.id, asAgent(b.id))
	answers, err := victim.SubscribeSync(client.InboxPrefix("default", b.id) + ".>")
	if err != nil {
		t.Fatal(err)
	}
	inbox, err := victim.SubscribeSync(client.InboxSubject("default", b.id))
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.FlushWithContext(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	id, key := makePrincipal(t, m, "default", domain.Human, "replier", identity.RoleDeveloper)
	nc, _ := dial(t, m, key, id)
	command := client.CommandSubject("default", id, "event.publish")
	body := func(kind string) []byte {
		return []byte(`[{"specversion":"1.0","id":"` + kind + `","source":"/replier","type":"replier.` + kind + `"}]`)
	}
	for _, reply := range []string{
		"ev.default.task.x", "ev.default.ext.x", client.InboxPrefix("default", b.id) + ".x", client.InboxSubject("default", b.id),
		"_MESH.x", "$JS.API.STREAM.PURGE.EVENTS", "$KV.LEASES.x", client.HeartbeatSubject("default", b.id),
		client.CommandSubject("default", m.Root, "task.submit"), client.InboxPrefix("default", id) + ".*", client.InboxPrefix("other", id) + ".x",
	} {
		if err := nc.PublishRequest(command, reply, body("elsewhere")); err != nil {
			t.Fatal(err)
		}
	}
	if status, answer := request(t, nc, command, string(body("home"))); status != "" {
		t.Fatalf("%s %s", status, answer)
	}
	var seen []string
	apitest.Eventually(t, func() bool {
		page, err := m.Client.Events(t.Context(), client.ListOptions{Filter: "actor:" + id})
		seen = seen[:0]
		for _, e := range page.Items {
			if e.Type != "credential.used" { // that the key let its owner in
				seen = append(seen, e.Type)
			}
		}
		return err == nil && len(seen) > 0
	})
	if strings.Join(seen, " ") != "replier.home" {
		t.Errorf("the log has %v", seen)
	}
	for what, sub := range map[string]*nats.Subscription{"answers": answers, "inbox": inbox} {
		if n, _, err := sub.Pending(); err != nil || n > 0 {
			t.Errorf("the victim got %d in its %s, %v", n, what, err)
		}
	}
}
