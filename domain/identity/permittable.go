package identity

import (
	"slices"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Permittable reports whether a tenant's policy may permit an action that
// roles deny. What administers identities, what concerns all tenants and what
// lets one speak for other agents is given by roles alone, so that whoever may
// write policies gains no right by it that a role would have to hold.
func Permittable(action string) bool {
	if action == "agent.represent" {
		return false
	}
	family, _, _ := strings.Cut(action, ".")
	switch family {
	case "agent", "artifact", "event", "task":
		return slices.ContainsFunc(Actions(), func(a Action) bool { return a.Name == action && !a.MeshWide })
	}
	return false
}

// MayPermit says whether a policy of the tenant may permit an actor an action
// that roles deny it. It denies what is not Permittable, and to whoever is not
// known, is suspended, comes from another tenant or from the mesh itself, has
// a credential that is limited to other actions, or speaks for another's agent.
func (d *Directory) MayPermit(by domain.Actor, action string, r Resource, now time.Time) Decision {
	switch {
	case by.Kind == domain.System:
		return denied("the mesh's own work is not up to policies")
	case !Permittable(action):
		return denied("%s is given by roles alone", action)
	case by.HomeTenant() != by.Tenant:
		return denied("the principal is of another tenant")
	case !within(by.Scopes, action):
		return deniedByScope(by)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if _, out := d.active(by, by.ID, now); out.Reason != "" {
		return out
	}
	if by.For != "" {
		if _, out := d.active(by, by.For, now); out.Reason != "" {
			return denied("for the person: %s", out.Reason)
		}
	}
	if !d.speaksForItself(by, action, r, now) {
		return denied("the agent is another's")
	}
	return Decision{Allowed: true}
}

// within reports whether a credential that is limited to scopes reaches an
// action; no scopes are no limit.
func within(scopes []string, action string) bool {
	return len(scopes) == 0 || slices.ContainsFunc(scopes, func(p string) bool { return Matches(p, action) })
}

func deniedByScope(by domain.Actor) Decision {
	return denied("the credential is limited to %s", strings.Join(by.Scopes, ", "))
}

// speaksForItself reports whether an action in the name of an agent is done by
// that agent, by who answers for it, or by who may represent others'. Who may
// drain others' agents may put them to sleep and wake them, too.
func (d *Directory) speaksForItself(by domain.Actor, action string, r Resource, now time.Time) bool {
	rests := action == "agent.sleep" || action == "agent.wake"
	if !asAgent(action) && !rests || r.ID == "" || r.ID == by.ID || r.Owner == by.ID {
		return true
	}
	return d.reaches(by, "agent.represent", now) || rests && d.reaches(by, "agent.drain", now)
}

// reaches reports whether an actor, its credential and the person that it acts
// for may do something that is about the agents of others.
func (d *Directory) reaches(by domain.Actor, action string, now time.Time) bool {
	return within(by.Scopes, action) && d.permits(by, by.ID, action, now) && (by.For == "" || d.permits(by, by.For, action, now))
}
