package api

import (
	"slices"
	"strings"

	"github.com/hivemesh/hivemesh/domain/document"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/memory"
)

// hiddenKinds are the kinds of entities whose events a caller may not see:
// auth events are for who may see identities, and what is remembered, whose
// scopes an event does not heed, for who may recall all of it.
func (a *API) hiddenKinds(c caller) []string {
	var hidden []string
	if !a.may(c, "identity.read") {
		hidden = append(hidden, identity.EntityKind)
	}
	if !a.may(c, "memory.read_all") {
		hidden = append(hidden, memory.EntityKind, document.EntityKind)
	}
	return hidden
}

// hides reports whether a caller may not see events of a kind.
func (a *API) hides(c caller, kind string) bool { return slices.Contains(a.hiddenKinds(c), kind) }

// withoutHidden is the filter that leaves hidden kinds out.
func withoutHidden(hidden []string) string {
	if len(hidden) == 0 {
		return ""
	}
	return "kind!=" + strings.Join(hidden, ",")
}
