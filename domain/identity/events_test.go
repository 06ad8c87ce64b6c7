package identity_test

import (
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/eventtest"
	"github.com/hivemesh/hivemesh/domain/identity"
)

const (
	aliceID = "0195a0a0-0000-7000-8000-00000000000a"
	robotID = "0195a0a0-0000-7000-8000-00000000000b"
	digest  = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	public  = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" // RFC 8037, appendix A.2
)

func exampleTime(day int) time.Time { return time.Date(2026, 3, day, 12, 0, 0, 500_000_000, time.UTC) }

// examples has one event of each type with every field set.
func examples() []identity.Event {
	grant := identity.Grant{Principal: aliceID, Role: "night-shift"}
	return []identity.Event{
		identity.TenantCreated{Name: "acme", Title: "Acme Größe"},
		identity.TenantSuspended{Reason: "unpaid"},
		identity.TenantResumed{},
		identity.RoleDefined{Role: identity.Role{Name: "night-shift", Description: "keeps watch", Permissions: []string{"task.*", "agent.read"}}},
		identity.RoleRemoved{Role: "night-shift"},
		identity.RoleGranted{Grant: grant, ExpiresAt: exampleTime(2)},
		identity.RoleProvided{Grant: grant, Origin: "oidc.1"},
		identity.RoleRevoked{Grant: grant, Reason: "moved on"},
		identity.PolicySet{Name: "office-hours", Version: 3, Text: "permit (principal, action, resource);"},
		identity.PolicyRemoved{Name: "office-hours"},
		identity.PrincipalCreated{Kind: domain.Agent, Name: "crawler-1", Owner: aliceID},
		identity.PrincipalSuspended{Reason: "stolen"},
		identity.PrincipalResumed{},
		identity.TeamsSet{Teams: []string{"blue", "red"}},
		identity.LockedOut{Until: exampleTime(3), Source: "a1b2"},
		identity.CredentialSet{Credential: identity.Credential{
			ID: "key-1", Type: identity.CredentialAPIKey, Name: "laptop", Verifier: digest, Public: public, Sealed: "c2VhbGVk",
			Codes: []string{digest}, Scopes: []string{"task.*"}, Networks: []string{"10.0.0.0/8"}, ExpiresAt: exampleTime(4),
		}},
		identity.CredentialRemoved{Credential: "key-1", Reason: "rotated"},
		identity.CredentialUsed{Credential: "totp-1", Source: "a1b2", Step: 59_012_345},
		identity.CredentialFailed{Of: identity.CredentialPassword, Source: "a1b2"},
		identity.TokensRevoked{Reason: "lost laptop"},
		identity.TokenRevoked{Token: "token-1", ExpiresAt: exampleTime(5)},
		identity.AccessDenied{Action: "task.cancel", Resource: "task/1", Reason: "viewer permits no task.cancel", Count: 7},
		identity.SessionStarted{
			Principal: aliceID, Client: "mesh-cli", Methods: []string{"pwd", "otp"}, Scopes: []string{"task.*"}, Actor: robotID,
			Verifier: digest, Source: "a1b2", ExpiresAt: exampleTime(6),
		},
		identity.SessionRefreshed{Verifier: digest},
		identity.ReuseDetected{Source: "a1b2"},
		identity.SessionEnded{Reason: "logged out"},
		identity.InvitationIssued{
			Kind: domain.Agent, Name: "crawler-2", Owner: aliceID, Principal: robotID, Roles: []string{"viewer"},
			Verifier: digest, IssuedBy: aliceID, ExpiresAt: exampleTime(7),
		},
		identity.InvitationUsed{Principal: robotID, Source: "a1b2"},
		identity.InvitationRevoked{Reason: "sent to the wrong address"},
		identity.KeyRotated{
			SigningKey: identity.SigningKey{ID: "k2", Public: public, Retires: exampleTime(9)}, Previous: "k1", PreviousTo: exampleTime(8),
		},
		identity.KeyRetired{Key: "k1", Reason: "stolen"},
	}
}

func suite() eventtest.Suite[identity.Event] {
	return eventtest.Suite[identity.Event]{
		Schema: identity.Schema, Decoders: identity.Decoders, Decode: identity.Decode, Events: examples(),
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	suite().Run(t)
}

func FuzzDecode(f *testing.F) { suite().Fuzz(f) }
