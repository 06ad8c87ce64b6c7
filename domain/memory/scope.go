package memory

import (
	"slices"
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// Scope says who may recall an item: TenantScope, a TeamScope or an AgentScope.
type Scope string

// TenantScope is everybody of the tenant who may read memory.
const TenantScope Scope = "tenant"

const (
	teamPrefix  = "team:"
	agentPrefix = "agent:"
)

// TeamScope is the members of a team.
func TeamScope(name string) Scope { return Scope(teamPrefix + name) }

// AgentScope is one principal alone, by its id.
func AgentScope(id string) Scope { return Scope(agentPrefix + id) }

// Team returns the name of the team whose scope s is, if it is a team's.
func (s Scope) Team() (string, bool) { return strings.CutPrefix(string(s), teamPrefix) }

// Agent returns the id of the principal whose own scope s is, if it is one's.
func (s Scope) Agent() (string, bool) { return strings.CutPrefix(string(s), agentPrefix) }

// Admits reports whether a principal of the tenant, who may read memory and is
// in teams, may recall what has the scope s. A scope that is none admits nobody.
func (s Scope) Admits(principal string, teams []string) bool {
	if s.Check() != nil {
		return false
	}
	if team, ok := s.Team(); ok {
		return slices.Contains(teams, team)
	}
	if id, ok := s.Agent(); ok {
		return id == principal
	}
	return true
}

// Check returns an Invalid error about the field "scope" when s is no scope.
func (s Scope) Check() error { return CheckScope("scope", s) }

// CheckScope returns an Invalid error about field when s is no scope: neither
// "tenant" nor "team:" or "agent:" and a name after it.
func CheckScope(field string, s Scope) error {
	if s == TenantScope {
		return nil
	}
	name, ok := s.Team()
	if !ok {
		name, ok = s.Agent()
	}
	if !ok || !domain.ValidName(name) {
		return domain.InvalidField(field, "%.80q is not a scope: tenant, team:NAME or agent:ID", string(s))
	}
	return nil
}
