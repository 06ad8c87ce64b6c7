package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hivemesh/hivemesh/api"
	"github.com/hivemesh/hivemesh/domain/identity"
)

//go:generate sh -c "go run . permissions > ../../docs/permissions.md"

// permissionsCmd writes docs/permissions.md.
type permissionsCmd struct{}

// Run writes who may do what, as the code has it.
func (cmd *permissionsCmd) Run(a *app) error {
	var out strings.Builder
	out.WriteString("# Permissions\n\nGenerated from the code by `go generate ./...`. What is not listed is denied to everybody.\n\n## What the built-in roles permit\n\n")
	out.WriteString("● permitted · ○ permitted to roles held in the tenant `default` only, since it concerns the whole mesh. A super admin may act in every tenant.\n\n| action | does |")
	roles := identity.BuiltinRoles()
	for _, r := range roles {
		out.WriteString(" " + r.Name + " |")
	}
	out.WriteString("\n|---|---|" + strings.Repeat(":-:|", len(roles)) + "\n")
	for _, action := range identity.Actions() {
		fmt.Fprintf(&out, "| `%s` | %s |", action.Name, action.Does)
		for _, r := range roles {
			out.WriteString(" " + mark(r, action) + " |")
		}
		out.WriteString("\n")
	}
	out.WriteString("\n`self.read` and `self.manage` need no role: everybody who is not suspended may see who they are, and look after their own credentials and sessions with a credential that is not limited.\n")
	out.WriteString("\n## What the operations of HTTP need\n\n| operation | one of |\n|---|---|\n")
	accesses := api.Accesses()
	for _, id := range slices.Sorted(maps.Keys(accesses)) {
		needs := "nothing: it is a way in, or says how the mesh is"
		if !accesses[id].Open {
			needs = "`" + strings.Join(accesses[id].Any, "`, `") + "`"
		}
		fmt.Fprintf(&out, "| %s | %s |\n", id, needs)
	}
	_, err := fmt.Fprint(a.stdout, out.String())
	return err
}

func mark(r identity.Role, action identity.Action) string {
	permits := slices.ContainsFunc(r.Permissions, func(p string) bool { return identity.Matches(p, action.Name) })
	switch {
	case permits && action.MeshWide:
		return "○"
	case permits:
		return "●"
	}
	return ""
}
