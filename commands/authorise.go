package commands

import (
	"slices"

	"github.com/hivemesh/hivemesh/domain"
)

// grants says which kinds of principals may carry out which command. What is
// not listed is denied.
func grants(command string) []domain.ActorKind {
	switch command {
	case "task.submit", "task.cancel", "task.requeue", "event.publish",
		"agent.drain", "agent.resume",
		"projection.retry", "projection.skip", "projection.rebuild":
		return []domain.ActorKind{domain.Admin}
	case "task.start", "task.progress", "task.complete", "task.fail", "task.return",
		"agent.register", "agent.leave":
		return []domain.ActorKind{domain.Admin, domain.Agent}
	case "task.assign", "task.expire", "task.take_back", "task.exceed", "agent.lose", "agent.return":
		return []domain.ActorKind{domain.System}
	default:
		return nil
	}
}

// authorise refuses a principal that may not carry out the command.
func authorise(by domain.Actor, command string) error {
	if by.ID == "" || !domain.ValidTenant(by.Tenant) {
		return &domain.Error{Kind: domain.Unauthenticated, Code: "no_actor", Message: "the command has no principal"}
	}
	if !slices.Contains(grants(command), by.Kind) {
		return &domain.Error{Kind: domain.Denied, Code: "denied", Message: string(by.Kind) + " may not " + command}
	}
	return nil
}

// SystemActor is the id of the principal that the mesh's own workers act as.
const SystemActor = "system"

// system is the principal of the mesh's own workers in a tenant.
func system(tenant string) domain.Actor {
	return domain.Actor{Tenant: tenant, ID: SystemActor, Kind: domain.System}
}
