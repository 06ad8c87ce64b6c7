package commands

import (
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Authorise is the one place where it is decided whether an actor may do an
// action to a resource; every command and every query comes by. It fails with
// kind Unauthenticated without an actor, with kind Denied and the reason
// otherwise.
func (s *Service) Authorise(by domain.Actor, action string, about identity.Resource) error {
	if by.ID == "" || !domain.ValidTenant(by.Tenant) {
		return &domain.Error{Kind: domain.Unauthenticated, Code: "no_actor", Message: "the command has no principal"}
	}
	d := s.Decide(by, action, about)
	if d.Allowed {
		return nil
	}
	s.denied(by, action, about, d)
	return &domain.Error{Kind: domain.Denied, Code: "denied", Message: action + " is not permitted: " + d.Reason}
}

// Decide is Authorise as an answer that holds the reason, without a trace of
// having been asked.
func (s *Service) Decide(by domain.Actor, action string, about identity.Resource) identity.Decision {
	d := s.directory.Decide(by, action, about, s.now())
	if s.policies != nil && by.Kind != domain.System {
		d = s.policies(by, action, about, d)
	}
	return d
}

// SystemActor is the id of the principal that the mesh's own workers act as.
const SystemActor = "system"

// system is the principal of the mesh's own workers in a tenant.
func system(tenant string) domain.Actor {
	return domain.Actor{Tenant: tenant, ID: SystemActor, Kind: domain.System}
}
