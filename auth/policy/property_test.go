package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// statements draws a few statements of which each may or may not apply.
func statements(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		effect := rapid.SampledFrom([]string{"permit", "forbid", "permit"}).Draw(t, "effect")
		who := rapid.SampledFrom([]string{"principal", `principal in Role::"developer"`, "principal is Mesh::Agent"}).Draw(t, "who")
		what := rapid.SampledFrom([]string{"action", `action in Action::"task.*"`}).Draw(t, "what")
		if rapid.Bool().Draw(t, "broken") {
			return fmt.Sprintf(`%s (%s, %s, resource) when { resource.name == "x" };`, effect, who, what)
		}
		return fmt.Sprintf(`%s (%s, %s, resource) when { resource.priority == 5 };`, effect, who, what)
	}), 1, 6).Draw(t, "statements")
}

func (w *world) setAll(texts []string) {
	for i, text := range texts {
		w.set("acme", fmt.Sprintf("p%d", i), text)
	}
}

// Whatever policies a tenant has: nobody gains by them who is suspended,
// unknown, from elsewhere or beyond the credential, nor anything that only
// roles give; their order does not matter; without them it is as before.
func TestPoliciesGiveNoMoreThanTheyMay(t *testing.T) {
	t.Parallel()
	var actions []string
	for _, a := range identity.Actions() {
		actions = append(actions, a.Name)
	}
	rapid.Check(t, func(t *rapid.T) {
		texts := statements(t)
		w, turned := newWorld(), newWorld()
		w.setAll(texts)
		back := slices.Clone(texts)
		slices.Reverse(back)
		turned.setAll(back)

		by := w.actor(rapid.SampledFrom([]string{"boss", "dev", "viewer", "nobody", "gone", "ghost", "ci", "bot"}).Draw(t, "by"))
		if rapid.IntRange(0, 3).Draw(t, "limited") == 0 {
			by.Scopes = []string{"agent.*"}
		}
		if rapid.IntRange(0, 3).Draw(t, "guest") == 0 {
			by.Home, by.Tenant = "other", "acme"
		}
		action, about := rapid.SampledFrom(actions).Draw(t, "action"), task("q", nil)
		roles := w.roles(by, action, about)
		got := w.decide(by, action, about)

		if got.Allowed && !roles.Allowed {
			p, known := w.Principal(identity.Ref{Tenant: by.HomeTenant(), ID: by.ID})
			outOfScope := len(by.Scopes) > 0 && action[:6] != "agent."
			if !known || p.Suspended || outOfScope || by.HomeTenant() != by.Tenant || !identity.Permittable(action) {
				t.Fatalf("%+v was given %s: %+v", by, action, got)
			}
		}
		if other := turned.decide(by, action, about); other.Allowed != got.Allowed {
			t.Fatalf("in another order: %+v, was %+v", other, got)
		}
		w.set("acme", "z", forbidAll)
		if d := w.decide(by, action, about); d.Allowed && (action != "policy.manage" || by.ID != "boss") {
			t.Fatalf("a forbid did not win: %+v", d)
		}
		w.remove("acme", "z")
		for i := range texts {
			w.remove("acme", fmt.Sprintf("p%d", i))
		}
		if d := w.decide(by, action, about); d != roles {
			t.Fatalf("without policies: %+v, roles say %+v", d, roles)
		}
	})
}

// Only these actions can be given by a policy. An action that is added stands
// here when it is thought over.
func TestPermittable(t *testing.T) {
	t.Parallel()
	var got []string
	for _, a := range identity.Actions() {
		if identity.Permittable(a.Name) {
			got = append(got, a.Name)
		}
	}
	want := []string{
		"agent.drain", "agent.leave", "agent.read", "agent.register", "agent.resume", "agent.sleep", "agent.wake", "artifact.read",
		"event.publish", "event.read",
		"task.cancel", "task.complete", "task.fail", "task.progress", "task.read", "task.read_own", "task.requeue", "task.return", "task.start", "task.submit",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, policies := range []int{0, 1, 10} {
		b.Run(fmt.Sprintf("policies=%d", policies), func(b *testing.B) {
			w := newWorld()
			for i := range policies {
				w.set("acme", fmt.Sprintf("p%d", i), fmt.Sprintf(`forbid (principal, action == Action::"task.submit", resource) when { resource.queue == "q%d" && !principal.roles.contains("operator") };`, i))
			}
			by, about := w.actor("dev"), task("build", map[string]string{"a": "b"})
			allowed := identity.Decision{Allowed: true, Role: identity.RoleDeveloper}
			b.ReportAllocs()
			for b.Loop() {
				if !w.engine.Decide(by, "task.submit", about, allowed).Allowed {
					b.Fatal("denied")
				}
			}
		})
	}
	b.Run("roles", func(b *testing.B) {
		w := newWorld()
		for b.Loop() {
			w.Decide(domain.Actor{Tenant: "acme", ID: "dev", Kind: domain.Human}, "task.submit", identity.Resource{}, time.Unix(2, 0))
		}
	})
}
