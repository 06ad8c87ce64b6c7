package identity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// What a policy may permit is written down: nothing that administers, nothing
// mesh-wide, nothing that lets one speak for others' agents.
func TestPermittable(t *testing.T) {
	t.Parallel()
	var got []string
	for _, a := range append(names(identity.Actions()), identity.ActionOwn, identity.ActionKnown, "task.*", "task.raed", "*", "") {
		if identity.Permittable(a) {
			got = append(got, a)
		}
	}
	want := strings.Fields(`agent.drain agent.leave agent.read agent.register agent.resume agent.sleep agent.wake artifact.read event.publish event.read task.cancel
		task.complete task.fail task.progress task.read task.read_own task.requeue task.return task.start task.submit`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

func TestMayPermit(t *testing.T) {
	t.Parallel()
	d := populated(t)
	none := identity.Resource{}
	others := identity.Resource{Kind: "agent", ID: "other-bot", Owner: "somebody"}
	for _, tt := range []struct {
		name   string
		by     domain.Actor
		action string
		about  identity.Resource
		reason string // of the denial; empty = a policy may permit it
	}{
		{"what roles deny", of("acme", "nobody"), "task.submit", none, ""},
		{"what administers", of("acme", "nobody"), "role.grant", none, "role.grant is given by roles alone"},
		{"mesh-wide", of(domain.DefaultTenant, "lord"), "tenant.create", none, "tenant.create is given by roles alone"},
		{"to the mesh itself", domain.Actor{Tenant: "acme", Kind: domain.System}, "task.submit", none, "the mesh's own work is not up to policies"},
		{"to somebody from abroad", abroad("acme", domain.DefaultTenant, "lord"), "task.submit", none, "the principal is of another tenant"},
		{"to somebody unknown", of("acme", "x"), "task.submit", none, unknown},
		{"to somebody suspended", of("acme", "gone"), "task.submit", none, "the principal is suspended"},
		{"in a suspended tenant", of("beta", "late"), "task.submit", none, "the tenant is suspended"},
		{"out of scope", scoped(of("acme", "nobody"), "task.read"), "task.submit", none, "the credential is limited to task.read"},
		{"within a scope", scoped(of("acme", "nobody"), "task.*"), "task.submit", none, ""},
		{"for a person", acting(of("acme", "bot"), "nobody"), "task.submit", none, ""},
		{"for a suspended person", acting(of("acme", "bot"), "gone"), "task.submit", none, "for the person: the principal is suspended"},
		{"as another's agent", of("acme", "nobody"), "task.complete", others, "the agent is another's"},
		{"as others' agent by who may represent them", of("acme", "spokes"), "task.complete", others, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := identity.Decision{Allowed: tt.reason == "", Reason: tt.reason}
			if got := d.MayPermit(tt.by, tt.action, tt.about, instant(2)); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestPrincipalsAreFoundByIDAndName(t *testing.T) {
	t.Parallel()
	d := newWorld(t)
	d.apply("acme", "a", identity.PrincipalCreated{Kind: domain.Human, Name: "alice"})
	ref := identity.Ref{Tenant: "acme", ID: "a"}
	if p, ok := d.Principal(ref); !ok || p.Name != "alice" || p.ID != "a" {
		t.Errorf("by id: %+v, %t", p, ok)
	}
	if p, ok := d.PrincipalNamed("acme", "alice"); !ok || p.ID != "a" {
		t.Errorf("by name: %+v, %t", p, ok)
	}
	if p, ok := d.PrincipalNamed("beta", "alice"); ok {
		t.Errorf("by name in another tenant: %+v", p)
	}
	d.apply("acme", "a", identity.TokenRevoked{Token: "t", ExpiresAt: instant(9)})
	if !d.TokenRevoked(ref, "t") || d.TokenRevoked(ref, "u") || d.TokenRevoked(identity.Ref{Tenant: "beta", ID: "a"}, "t") {
		t.Error("another token counts as revoked, or the revoked one does not")
	}
}
