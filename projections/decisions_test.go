package projections_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// TestOneAnswerEverywhere makes random histories of rights by the commands of
// two nodes, refusals included, and asks whether each principal may do each
// action: both nodes, one that starts then, and the rows of the read model
// under the same rules give one answer with one reason, and so do the rows of
// a read model that is built anew.
func TestOneAnswerEverywhere(t *testing.T) {
	t.Parallel()
	n := startNodes(t)
	most := 40
	if testing.Short() {
		most = 5
	}
	tried, answers, allowed := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		if tried++; tried > most {
			return
		}
		h := newHistory(rt, n, tried)
		rt.Cleanup(func() {
			if rt.Failed() {
				most = 1 << 30 // let rapid find the shortest one
			}
		})
		for range rapid.IntRange(20, 70).Draw(rt, "length") {
			h.step(rt)
		}
		h.compare(rt, "live")
		if rapid.IntRange(0, 3).Draw(rt, "rebuild") == 0 {
			if err := n.p.Rebuild(rt.Context(), "identities", nil); err != nil {
				rt.Fatal(err)
			}
			h.compare(rt, "rebuilt")
		}
		answers, allowed = answers+h.answers, allowed+h.allowed
	})
	if allowed == 0 || allowed == answers {
		t.Errorf("%d of %d were allowed: the test shows nothing", allowed, answers)
	}
	t.Logf("%d answers, %d of them yes", answers, allowed)
}

// member is a principal that a history has made.
type member struct {
	identity.Ref
	kind domain.ActorKind
}

// rights is one random history, in tenants of its own.
type rights struct {
	n        *nodes
	tenants  []string
	role     string // the custom one of this history; also in the default tenant, which all histories share
	members  []member
	sessions []identity.Ref // of the tenant, and the session's id
	keys     []string
	answers  int
	allowed  int
}

func newHistory(t *rapid.T, n *nodes, number int) *rights {
	h := &rights{n: n, tenants: []string{domain.DefaultTenant}, role: fmt.Sprintf("night-shift-%d", number)}
	for i := range rapid.IntRange(1, 2).Draw(t, "tenants") {
		name := fmt.Sprintf("t%d-%d", number, i)
		if _, err := n.both[0].commands.CreateTenant(t.Context(), n.root, commands.Meta{}, name, ""); err != nil {
			t.Fatal(err)
		}
		h.tenants = append(h.tenants, name)
	}
	for _, tenant := range h.tenants {
		by := n.root
		by.Tenant = tenant
		if _, err := n.both[0].commands.DefineRole(t.Context(), by, commands.Meta{}, identity.Role{Name: h.role, Permissions: []string{"task.*"}}); err != nil {
			t.Fatal(err)
		}
	}
	n.settled(t)
	return h
}

// actors are all that ask: each member at home and elsewhere, with a limited
// credential, and as an agent that acts for a person.
func (h *rights) actors() []domain.Actor {
	all := []domain.Actor{}
	for _, tenant := range h.tenants {
		by := h.n.root
		by.Tenant = tenant
		all = append(all, by)
		for _, m := range h.members {
			by := domain.Actor{Tenant: tenant, Home: m.Tenant, ID: m.ID, Kind: m.kind}
			limited := by
			limited.Scopes = []string{"task.*", "agent.read"}
			all = append(all, by, limited)
			for _, person := range h.members {
				if m.kind == domain.Agent && person.kind == domain.Human && person.Tenant == m.Tenant && tenant == m.Tenant {
					by.For = person.ID
					all = append(all, by)
				}
			}
		}
	}
	return all
}

// compare asks everybody everything at one moment.
func (h *rights) compare(t *rapid.T, when string) {
	last := h.n.settled(t)
	mine := map[string]bool{}
	for _, tenant := range h.tenants {
		mine[tenant] = true
	}
	first := h.n.both[0].directory
	others := map[string]*identity.Directory{
		"the second node": h.n.both[1].directory, "a node that starts": h.n.restarted(t), "the rows, " + when: h.n.asRows(t, last, mine),
	}
	now := h.n.clock.now()
	for _, by := range h.actors() {
		for _, a := range append(identity.Actions(), identity.Action{Name: identity.ActionOwn}, identity.Action{Name: identity.ActionKnown}) {
			want := first.Decide(by, a.Name, identity.Resource{ID: "another"}, now)
			if h.answers++; want.Allowed {
				h.allowed++
			}
			for who, d := range others {
				if got := d.Decide(by, a.Name, identity.Resource{ID: "another"}, now); got != want {
					t.Fatalf("%+v: %s\nthe first node: %+v\n%s: %+v", by, a.Name, want, who, got)
				}
			}
		}
	}
	h.compareWaysIn(t, first, others, last, now)
}

// compareWaysIn compares who holds which key, and which sessions count.
func (h *rights) compareWaysIn(t *rapid.T, first *identity.Directory, others map[string]*identity.Directory, last uint64, now time.Time) {
	for _, id := range h.keys {
		ref, c, ok := first.KeyOwner(id)
		for who, d := range others {
			gotRef, got, known := d.KeyOwner(id)
			got.Verifier = c.Verifier // the rows have none
			if diff := cmp.Diff(c, got); known != ok || gotRef != ref || diff != "" {
				t.Fatalf("key %s: the first node knows %v, %s knows %v: %s", id, ref, who, gotRef, diff)
			}
		}
	}
	live := map[identity.Ref]bool{}
	for _, tenant := range h.tenants {
		for id := range h.n.liveSessions(t, tenant, last) {
			live[identity.Ref{Tenant: tenant, ID: id}] = true
		}
	}
	for _, s := range h.sessions {
		_, want := first.Session(s.ID, now)
		_, second := h.n.both[1].directory.Session(s.ID, now)
		_, started := h.n.restarted(t).Session(s.ID, now)
		if second != want || started != want || live[s] != want {
			t.Fatalf("session %s: live on the first node %v, on the second %v, on one that starts %v, by the rows %v", s.ID, want, second, started, live[s])
		}
	}
}

// must fails for what no user could have caused.
func (h *rights) must(t *rapid.T, err error) bool {
	var refused *domain.Error
	if err != nil && (!errors.As(err, &refused) || refused.Kind == domain.Internal || refused.Kind == domain.Unavailable) {
		t.Fatal(err)
	}
	return err == nil
}

func newSession() string { return uuid.Must(uuid.NewV7()).String() }
