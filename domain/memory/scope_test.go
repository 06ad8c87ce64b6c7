package memory_test

import (
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/memory"
)

func TestScope(t *testing.T) {
	t.Parallel()
	const alice, bob = "0195a0a0-0000-7000-8000-00000000000a", "0195a0a0-0000-7000-8000-00000000000b"
	for _, tt := range []struct {
		scope                      memory.Scope
		valid, alice, member, both bool // alice in no team; bob in red; alice in blue and red
	}{
		{memory.TenantScope, true, true, true, true},
		{memory.TeamScope("red"), true, false, true, true},
		{memory.TeamScope("Red"), true, false, false, false},
		{memory.TeamScope("re"), true, false, false, false},
		{memory.AgentScope(alice), true, true, false, true},
		{memory.AgentScope(bob), true, false, true, false},
		{memory.TeamScope(alice), true, false, false, false},
		{memory.AgentScope("red"), true, false, false, false},
		{memory.TeamScope(""), false, false, false, false},
		{memory.AgentScope(""), false, false, false, false},
		{memory.TeamScope(strings.Repeat("t", 64)), false, false, false, false},
		{"team:a b", false, false, false, false},
		{"tenant:", false, false, false, false},
		{"Tenant", false, false, false, false},
		{"", false, false, false, false},
		{"red", false, false, false, false},
	} {
		if err := tt.scope.Check(); (err == nil) != tt.valid || err != nil && domain.KindOf(err) != domain.Invalid {
			t.Errorf("%q: %v", tt.scope, err)
		}
		for who, c := range map[string]struct{ got, want bool }{
			"alice":        {tt.scope.Admits(alice, nil), tt.alice},
			"bob":          {tt.scope.Admits(bob, []string{"red"}), tt.member},
			"alice, teams": {tt.scope.Admits(alice, []string{"blue", "red"}), tt.both},
		} {
			if c.got != c.want {
				t.Errorf("%q admits %s: %v", tt.scope, who, c.got)
			}
		}
	}
	// A principal or team with no name is in no scope, whatever the scope holds.
	if memory.AgentScope("").Admits("", nil) || memory.TeamScope("").Admits("", []string{""}) {
		t.Error("an empty scope admits an empty name")
	}
}
