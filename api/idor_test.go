package api_test

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/api/apitest"
)

// ids are all that could give an estate away.
func (e estate) ids() []string {
	return []string{e.adminID, e.principal, e.key, e.session, e.invitation, e.role, e.policy, e.agent, e.joined, e.task, e.digest, e.memory, e.document}
}

// TestIDOR: the admin of one tenant, who may do everything there, gets nothing
// by the ids of another: what is not one's own looks like what is not there.
func TestIDOR(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{Heartbeat: time.Minute})
	red, blue := makeEstate(t, m, "red"), makeEstate(t, m, "blue")
	ops := operations(t, m)
	before, err := m.Store.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	requests := 0
	for _, op := range ops {
		if op.id == "feed" {
			continue
		}
		if !strings.Contains(op.path, "{") {
			showsNothing(t, m, red, blue, op)
			continue
		}
		for _, p := range crossings(t, op, red, blue) {
			requests++
			crossing(t, m, red, op, p)
		}
	}
	if requests < 50 {
		t.Errorf("%d requests only", requests)
	}
	for _, b := range idsInBodies(red, blue) {
		crossing(t, m, red, b.op, b.pair)
	}
	idsInQueries(t, m, red, blue)
	feedShowsNothing(t, m, red, blue)
	last, err := m.Store.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := before + 1; seq <= last; seq++ {
		if r, err := m.Store.Get(t.Context(), seq); err != nil || r.Actor == red.adminID && r.Entity.Tenant != red.tenant {
			t.Errorf("%d: %s of %s by the other tenant's admin, %v", seq, r.Type, r.Entity, err)
		}
	}
}

// pair is a request about what another tenant has, and the same about nothing.
type pair struct{ path, body, nothing, nothingBody string }

// crossings are the requests of an operation with the other's ids in its path:
// all of them, the first alone, and the later ones under an id of one's own.
func crossings(t *testing.T, op operationOf, red, blue estate) []pair {
	t.Helper()
	if strings.HasPrefix(op.path, "/v1/projections/") || strings.HasPrefix(op.path, "/v1/auth/oidc/") {
		return nil // they are of the mesh; login providers have names that everybody knows
	}
	if path := fill(op.path, &blue); !slices.ContainsFunc(append(blue.ids(), "/"+blue.event, "/"+blue.tenant+"/"), func(id string) bool { return strings.Contains(path, id) }) {
		t.Errorf("%s: fill knows no id for it", op.path)
	}
	body := strings.NewReplacer("AGENT", red.agent).Replace(bodies()[op.id])
	if body == "" && op.method == http.MethodPost {
		body = "{}"
	}
	all := []pair{{path: fill(op.path, &blue), nothing: fill(op.path, nil), body: body, nothingBody: body}}
	if id, rest, found := strings.Cut(op.path, "}"); found && strings.Contains(rest, "{") {
		mine := strings.Replace(id+"}", "{id}", red.principal, 1)
		all = append(all, pair{path: mine + fill(rest, &blue), nothing: mine + fill(rest, nil), body: body, nothingBody: body})
		if strings.Contains(op.path, "sessions") {
			all[len(all)-1].path = mine + strings.Replace(rest, "{part}", blue.session, 1)
		}
	}
	for _, id := range []string{blue.task, blue.agent, blue.principal, blue.invitation} { // the beginning of an id finds as little
		if whole := all[0].path; strings.Contains(whole, id) {
			short := strings.Replace(whole, id, id[:20], 1)
			all = append(all, pair{path: short, nothing: strings.Replace(whole, id, "00000000-0000-4000-8000-000000000000"[:20], 1), body: body, nothingBody: body})
		}
	}
	return all
}

// crossing sends both requests of a pair and wants the same refusal.
func crossing(t *testing.T, m *apitest.Mesh, red estate, op operationOf, p pair) {
	t.Helper()
	theirs := try(t, http.DefaultClient, m, red.admin, "", op, p.path, p.body)
	nothing := try(t, http.DefaultClient, m, red.admin, "", op, p.nothing, p.nothingBody)
	heard := op.id == "agent-heartbeat" && theirs.status == http.StatusNoContent // a signal within one's own tenant, which nobody has to be there for
	if theirs.status < 400 && !heard || theirs.status >= 500 {
		t.Errorf("%s %s %s: %d %.200s", op.method, p.path, p.body, theirs.status, theirs.body)
	}
	if theirs.status != nothing.status {
		t.Errorf("%s: %d for what is another's, %d for what is not there", p.path, theirs.status, nothing.status)
	}
	if diff := cmp.Diff(anonymous(string(nothing.body), p.nothing+p.nothingBody), anonymous(string(theirs.body), p.path+p.body)); diff != "" {
		t.Errorf("%s: -not there +another's\n%s", p.path, diff)
	}
}

// anonymous replaces what the request itself named.
func anonymous(body, request string) string {
	for _, word := range strings.FieldsFunc(request, func(r rune) bool { return strings.ContainsRune(`/?&="{}[], `, r) }) {
		if len(word) >= 20 {
			body = strings.ReplaceAll(body, word, "ID")
		}
	}
	return body
}

type bodyCrossing struct {
	op operationOf
	pair
}

// idsInBodies are requests about one's own things that name another's in the body.
func idsInBodies(red, blue estate) []bodyCrossing {
	var all []bodyCrossing
	add := func(id, path, body, theirs string) {
		all = append(all, bodyCrossing{op: operationOf{method: http.MethodPost, path: path, id: id}, pair: pair{
			path: path, nothing: path, body: strings.Replace(body, "ID", theirs, 1),
			nothingBody: strings.Replace(body, "ID", "00000000-0000-4000-8000-000000000000", 1),
		}})
	}
	for _, verb := range []string{"start", "progress", "complete", "fail", "return"} {
		add("task-"+verb, "/v1/tasks/"+red.task+"/"+verb, `{"attempt":1,"agent":"ID"}`, blue.agent)
	}
	add("auth-delegate", "/v1/auth/delegate", `{"agent":"ID","scope":["task.read"]}`, blue.joined)
	add("invite", "/v1/invitations", `{"kind":"agent","owner":"ID"}`, blue.principal)
	add("invite", "/v1/invitations", `{"kind":"human","principal":"ID"}`, blue.principal)
	add("create-principal", "/v1/principals", `{"kind":"agent","name":"spy","owner":"ID"}`, blue.principal)
	add("can-i", "/v1/can-i", `{"action":"task.read","principal":"ID"}`, blue.principal)
	add("test-policies", "/v1/policies/test", `{"cases":[{"name":"x","principal":"ID","action":"task.read","expect":"allow"}]}`, blue.principal)
	add("principal-grant", "/v1/principals/me/grant", `{"role":"ID"}`, blue.role)
	return all
}

// showsNothing wants no id of blue in what red's admin lists.
func showsNothing(t *testing.T, m *apitest.Mesh, red, blue estate, op operationOf) {
	t.Helper()
	if op.method != http.MethodGet {
		return
	}
	r := try(t, http.DefaultClient, m, red.admin, "", op, op.path, "")
	for _, id := range blue.ids() {
		if strings.Contains(string(r.body), id) {
			t.Errorf("%s shows %s of the other tenant", op.path, id)
		}
	}
}

// idsInQueries: filters find nothing of the other tenant.
func idsInQueries(t *testing.T, m *apitest.Mesh, red, blue estate) {
	t.Helper()
	for _, path := range []string{
		"/v1/tasks?filter=agent:" + blue.agent, "/v1/tasks?filter=id:" + blue.task, "/v1/events?filter=entity:" + blue.task,
		"/v1/events?filter=actor:" + blue.adminID, "/v1/agents?filter=id:" + blue.agent, "/v1/principals?filter=id:" + blue.principal,
		"/v1/invitations?filter=id:" + blue.invitation,
	} {
		r := try(t, http.DefaultClient, m, red.admin, "", operationOf{method: http.MethodGet}, path, "")
		if body := string(r.body); r.status == http.StatusOK && !strings.Contains(body, `"items":[]`) {
			t.Errorf("%s: %.200s", path, body)
		}
	}
}

// feedShowsNothing reads red's whole feed, up to an event that both tenants
// publish in the end.
func feedShowsNothing(t *testing.T, m *apitest.Mesh, red, blue estate) {
	t.Helper()
	publish := operationOf{method: http.MethodPost, id: "publish-events"}
	for _, e := range []estate{blue, red} {
		body := `{"specversion":"1.0","id":"end","source":"/` + e.tenant + `","type":"` + e.tenant + `.end"}`
		if r := try(t, http.DefaultClient, m, e.admin, "", publish, "/v1/events", body); r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	if seen := readFeed(t, m, red, blue, "after=start", 20*time.Second); seen < 10 {
		t.Errorf("the feed shows %d events only", seen)
	}
	if seen := readFeed(t, m, red, blue, "after=start&entity="+blue.task, time.Second); seen > 0 {
		t.Errorf("the feed of the other's task shows %d events", seen)
	}
}

// readFeed counts the events of red's feed up to red.end, for as long as limit.
func readFeed(t *testing.T, m *apitest.Mesh, red, blue estate, query string, limit time.Duration) (seen int) {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t, limit), http.MethodGet, m.URL+"/v1/feed?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+red.admin)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && lines.Text() != "event: red.end" {
		line := lines.Text()
		if strings.HasPrefix(line, "data: ") {
			seen++
		}
		for _, id := range append(blue.ids(), "blue.end", `"tenant":"blue"`) {
			if strings.Contains(line, id) {
				t.Errorf("%s: the feed shows %s: %.300s", query, id, line)
			}
		}
	}
	return seen
}
