package policy

import (
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// The entity types that do not name a principal or a resource.
const (
	typeAction = "Action"
	typeRole   = "Role"
)

// principalType returns the entity type of a kind of principals.
func principalType(kind domain.ActorKind) cedar.EntityType {
	switch kind {
	case domain.Human:
		return "Mesh::Human"
	case domain.Agent:
		return "Mesh::Agent"
	case domain.Service:
		return "Mesh::Service"
	case domain.System:
	}
	return "Mesh::Unknown"
}

func principalTypes() []string { return []string{"Mesh::Agent", "Mesh::Human", "Mesh::Service"} }

// resourceType returns the entity type of a kind of resources, as commands name
// them; of what the action is about where the kind is left out.
func resourceType(kind, action string) cedar.EntityType {
	if kind == "" {
		kind, _, _ = strings.Cut(action, ".")
	}
	switch kind {
	case "agent":
		return "Agent"
	case "artifact":
		return "Artifact"
	case "ext", "event":
		return "Event"
	case "invitation":
		return "Invitation"
	case "key":
		return "Key"
	case "memory", "document", "embedding":
		return "Memory"
	case "principal", "credential":
		return "Principal"
	case "projection":
		return "Projection"
	case "session":
		return "Session"
	case "task":
		return "Task"
	case "tenant", "policy", "role", "identity":
		return "Tenant"
	}
	return "System"
}

func resourceTypes() []string {
	return []string{"Agent", "Artifact", "Event", "Invitation", "Key", "Memory", "Principal", "Projection", "Session", "System", "Task", "Tenant"}
}

// ResourceKinds returns the kinds of resources that policies know, such as
// "task" for the entity type Task.
func ResourceKinds() []string {
	kinds := resourceTypes()
	for i, t := range kinds {
		kinds[i] = strings.ToLower(t)
	}
	return kinds
}

// attributes returns what may be asked of a variable of the language; of a
// resource, whatever its type.
func attributes(variable string) []string {
	switch variable {
	case "principal":
		return []string{"id", "kind", "name", "owner", "roles", "tenant"}
	case "context":
		return []string{"acting_for", "address", "credential", "scopes", "time"}
	case "resource":
		return []string{"capabilities", "id", "labels", "name", "owner", "priority", "queue", "queues", "source", "subject", "task", "type"}
	}
	return nil
}

// family is the group of an action: all actions with the same first word,
// written as in permissions, such as "task.*".
func family(action string) string {
	group, _, _ := strings.Cut(action, ".")
	return group + ".*"
}

// actionsOf returns the actions that a name stands for: the one of that name,
// or a whole family; none for a name that means nothing.
func actionsOf(name string) []string {
	var out []string
	for _, a := range identity.Actions() {
		if a.Name == name || family(a.Name) == name {
			out = append(out, a.Name)
		}
	}
	return out
}

// Words returns every word that the language has here: entity types, and
// attributes with their variable, such as "resource.queue".
func Words() []string {
	words := slices.Concat(principalTypes(), resourceTypes(), []string{typeAction, typeRole})
	for _, variable := range []string{"principal", "resource", "context"} {
		for _, a := range attributes(variable) {
			words = append(words, variable+"."+a)
		}
	}
	return words
}
