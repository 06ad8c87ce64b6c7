package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

func foldInvitation(events ...identity.InvitationEvent) identity.Invitation {
	i := identity.Invitation{ID: "i"}
	for _, e := range events {
		i = i.Apply(e, instant(0))
	}
	return i
}

func issued(more ...identity.InvitationEvent) []identity.InvitationEvent {
	return append([]identity.InvitationEvent{identity.InvitationIssued{
		Kind: domain.Agent, Name: "bot", Owner: aliceID, Verifier: digest, IssuedBy: aliceID, ExpiresAt: instant(50),
	}}, more...)
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	type decision func(identity.Invitation) ([]identity.InvitationEvent, error)
	issuedWith := func(change func(*identity.InvitationIssued)) identity.InvitationIssued {
		e := issued()[0].(identity.InvitationIssued)
		change(&e)
		return e
	}
	issue := func(change func(*identity.InvitationIssued)) decision {
		return func(i identity.Invitation) ([]identity.InvitationEvent, error) {
			return i.Issue(issuedWith(change), instant(30))
		}
	}
	use := func(verifier string, at time.Time) decision {
		return func(i identity.Invitation) ([]identity.InvitationEvent, error) {
			return i.Use(verifier, robotID, "a1b2", at)
		}
	}
	revoke := func(reason string) decision {
		return func(i identity.Invitation) ([]identity.InvitationEvent, error) { return i.Revoke(reason) }
	}
	asIs := func(*identity.InvitationIssued) {}
	human := func(e *identity.InvitationIssued) { e.Kind, e.Name, e.Owner = domain.Human, "", "" }
	longest := func(e *identity.InvitationIssued) { e.ExpiresAt = instant(30).Add(identity.MaxInvitation) }
	for _, tt := range []struct {
		name    string
		given   []identity.InvitationEvent
		when    decision
		then    []identity.InvitationEvent
		refusal string
	}{
		{"an agent", nil, issue(asIs), issued(), ""},
		{"a person of any name", nil, issue(human), []identity.InvitationEvent{issuedWith(human)}, ""},
		{"as long as can be", nil, issue(longest), []identity.InvitationEvent{issuedWith(longest)}, ""},
		{"issued twice", issued(), issue(asIs), nil, "invitation_exists"},
		{"a service", nil, issue(func(e *identity.InvitationIssued) { e.Kind = domain.Service }), nil, "invalid:kind"},
		{"an agent without owner", nil, issue(func(e *identity.InvitationIssued) { e.Owner = "" }), nil, "invalid:owner"},
		{"no end", nil, issue(func(e *identity.InvitationIssued) { e.ExpiresAt = never }), nil, "invalid:expires_at"},
		{"over at once", nil, issue(func(e *identity.InvitationIssued) { e.ExpiresAt = instant(30) }), nil, "invalid:expires_at"},
		{"too long", nil, issue(func(e *identity.InvitationIssued) { e.ExpiresAt = instant(30).Add(identity.MaxInvitation + 1) }), nil, "invalid:expires_at"},
		{"a name that is none", nil, issue(func(e *identity.InvitationIssued) { e.Name = "a b" }), nil, "invalid:name"},
		{"without a secret", nil, issue(func(e *identity.InvitationIssued) { e.Verifier = "" }), nil, "invalid:verifier"},
		{"used", issued(), use(digest, instant(49)), []identity.InvitationEvent{identity.InvitationUsed{Principal: robotID, Source: "a1b2"}}, ""},
		{"used with another secret", issued(), use(digest[1:], instant(1)), nil, "invitation_invalid"},
		{"used too late", issued(), use(digest, instant(50)), nil, "invitation_invalid"},
		{"used twice", issued(identity.InvitationUsed{Principal: robotID}), use(digest, instant(1)), nil, "invitation_invalid"},
		{"used after it was revoked", issued(identity.InvitationRevoked{}), use(digest, instant(1)), nil, "invitation_invalid"},
		{"used while unknown", nil, use("", instant(1)), nil, "invitation_invalid"},
		{"revoked", issued(), revoke("lost"), []identity.InvitationEvent{identity.InvitationRevoked{Reason: "lost"}}, ""},
		{"revoked twice", issued(identity.InvitationRevoked{}), revoke(""), nil, ""},
		{"revoked after it was used", issued(identity.InvitationUsed{Principal: robotID}), revoke(""), nil, ""},
		{"revoked while unknown", nil, revoke(""), nil, "invitation_not_found"},
		{"reason too long", issued(), revoke(strings.Repeat("r", identity.MaxReason+1)), nil, "invalid:reason"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.when(foldInvitation(tt.given...))
			check(t, got, err, tt.then, tt.refusal)
		})
	}
}

func TestInvitationOfTheDirectory(t *testing.T) {
	t.Parallel()
	d := newWorld(t)
	d.apply("acme", "i", issued()[0])
	if i, ok := d.Invitation("i", instant(49)); !ok || i.Tenant != "acme" || i.ID != "i" {
		t.Errorf("an open invitation: %+v, %t", i, ok)
	}
	if _, ok := d.Invitation("i", instant(50)); ok || len(d.InvitationsOf("acme", instant(50))) > 0 {
		t.Error("an invitation is open at its end")
	}
	if len(d.InvitationsOf("acme", instant(49))) != 1 || len(d.InvitationsOf("beta", instant(49))) != 0 {
		t.Error("an invitation is listed in the wrong tenant")
	}
	d.apply("acme", "i", identity.InvitationUsed{Principal: robotID})
	if _, ok := d.Invitation("i", instant(49)); ok {
		t.Error("a used invitation is open")
	}
}
