package login

import (
	"slices"

	"github.com/hivemesh/hivemesh/auth/limit"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Started takes in that a session began, on whatever node: the lockout knows
// the place from then on. Whoever follows the directory tells it; it does not
// block.
func (s *Service) Started(who identity.Ref, e identity.SessionStarted) {
	knows(s.cfg.Lockout, s.cfg.Directory)(who, e)
}

// knows returns what tells a lockout the places of people. A place counts when
// the person was there: an agent that acts for them is elsewhere, and so may
// be a key of theirs.
func knows(l *limit.Lockout, d *identity.Directory) func(identity.Ref, identity.SessionStarted) {
	return func(who identity.Ref, e identity.SessionStarted) {
		if e.Source == "" || e.Actor != "" || slices.Contains(e.Methods, methodKey) {
			return
		}
		if p, ok := d.Principal(who); ok && p.Kind == domain.Human {
			l.Known(lockoutKey(who.Tenant, p.Name), e.Source)
			l.Known(passkeyKey(who.Tenant, p.Name), e.Source)
		}
	}
}

// lockoutKey is what failures of a login are counted by, whether it exists or not.
func lockoutKey(tenant, name string) string { return tenant + "/" + name }

// passkeyKey is what failures of passkeys alone are counted by: whoever guesses
// passwords does not hold up a passkey, which cannot be guessed.
func passkeyKey(tenant, name string) string { return lockoutKey(tenant, name) + "/passkey" }
