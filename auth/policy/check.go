package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/hivemesh/hivemesh/domain/identity"
)

// fault says what is wrong with a statement that is Cedar; nothing when it
// speaks of what there is.
func fault(p *cedar.Policy) string {
	tree := p.AST()
	if wrong := scopeFault("principal", tree.Principal); wrong != "" {
		return wrong
	}
	if wrong := scopeFault("action", tree.Action); wrong != "" {
		return wrong
	}
	if wrong := scopeFault("resource", tree.Resource); wrong != "" {
		return wrong
	}
	if wrong := rolesAloneFault(p.Effect(), tree.Action); wrong != "" {
		return wrong
	}
	for _, c := range tree.Conditions {
		wrong := ""
		ast.Inspect(ast.NewNode(c.Body), func(n ast.IsNode) bool {
			if wrong == "" {
				wrong = nodeFault(n)
			}
			return wrong == ""
		})
		if wrong != "" {
			return wrong
		}
	}
	return ""
}

// named returns the types and the entities that a scope names.
func named(scope ast.IsScopeNode) (kinds []cedar.EntityType, entities []cedar.EntityUID) {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return nil, []cedar.EntityUID{s.Entity}
	case ast.ScopeTypeIn:
		return nil, []cedar.EntityUID{s.Entity}
	case ast.ScopeTypeInSet:
		return nil, s.Entities
	case ast.ScopeTypeIs:
		return []cedar.EntityType{s.Type}, nil
	case ast.ScopeTypeIsIn:
		return []cedar.EntityType{s.Type}, []cedar.EntityUID{s.Entity}
	}
	return nil, nil
}

// scopeFault says what is wrong with the scope of a variable.
func scopeFault(variable string, scope ast.IsScopeNode) string {
	var allowed []string
	switch variable {
	case "principal":
		allowed = append(principalTypes(), typeRole)
	case "action":
		allowed = []string{typeAction}
	case "resource":
		allowed = resourceTypes()
	}
	kinds, entities := named(scope)
	if eq, ok := scope.(ast.ScopeTypeEq); ok && variable == "action" && strings.HasSuffix(string(eq.Entity.ID), "*") {
		return fmt.Sprintf("has action == %.64q, which is several actions: write action in", eq.Entity.ID)
	}
	for _, e := range entities {
		if wrong := entityFault(e); wrong != "" {
			return wrong
		}
		kinds = append(kinds, e.Type)
	}
	for _, k := range kinds {
		if !slices.Contains(allowed, string(k)) {
			return fmt.Sprintf("has %.64q as %s: there is %s", k, variable, strings.Join(allowed, ", "))
		}
	}
	return ""
}

// rolesAloneFault finds a permit that names what only roles give.
func rolesAloneFault(effect cedar.Effect, scope ast.IsScopeNode) string {
	_, entities := named(scope)
	if effect != cedar.Permit {
		return ""
	}
	for _, e := range entities {
		if !slices.ContainsFunc(actionsOf(string(e.ID)), identity.Permittable) {
			return fmt.Sprintf("permits %s, which is given by roles alone", e.ID)
		}
	}
	return ""
}

// nodeFault says what is wrong with one node of a condition.
func nodeFault(n ast.IsNode) string {
	switch n := n.(type) {
	case ast.NodeValue:
		if e, ok := n.Value.(cedar.EntityUID); ok {
			return entityFault(e)
		}
	case ast.NodeTypeIs:
		return typeFault(n.EntityType)
	case ast.NodeTypeIsIn:
		return typeFault(n.EntityType)
	case ast.NodeTypeAccess:
		return attributeFault(n.Arg, string(n.Value))
	case ast.NodeTypeHas:
		return attributeFault(n.Arg, string(n.Value))
	case ast.NodeTypeExtensionCall:
		return literalFault(n)
	}
	return ""
}

func entityFault(e cedar.EntityUID) string {
	if e.Type == typeAction && len(actionsOf(string(e.ID))) == 0 {
		return fmt.Sprintf("names the action %.64q, which there is not", e.ID)
	}
	return typeFault(e.Type)
}

func typeFault(t cedar.EntityType) string {
	known := slices.Concat(principalTypes(), resourceTypes(), []string{typeAction, typeRole})
	if slices.Contains(known, string(t)) {
		return ""
	}
	return fmt.Sprintf("names the entity type %.64q: there is %s", t, strings.Join(known, ", "))
}

// attributeFault finds an attribute that its variable never has.
func attributeFault(of ast.IsNode, attribute string) string {
	variable, ok := of.(ast.NodeTypeVariable)
	if !ok || variable.Name == "action" {
		return ""
	}
	known := attributes(string(variable.Name))
	if slices.Contains(known, attribute) {
		return ""
	}
	return fmt.Sprintf("asks for %s.%.64s: there is %s", variable.Name, attribute, strings.Join(known, ", "))
}

// literalFault finds a constant, such as ip("10.0.0.0/99"), that can never be
// evaluated.
func literalFault(call ast.NodeTypeExtensionCall) string {
	if len(call.Args) != 1 {
		return ""
	}
	arg, ok := call.Args[0].(ast.NodeValue)
	if !ok {
		return ""
	}
	text, ok := arg.Value.(cedar.String)
	if !ok {
		return ""
	}
	var err error
	switch call.Name {
	case "ip":
		_, err = types.ParseIPAddr(string(text))
	case "decimal":
		_, err = types.ParseDecimal(string(text))
	case "datetime":
		_, err = types.ParseDatetime(string(text))
	case "duration":
		_, err = types.ParseDuration(string(text))
	}
	if err != nil {
		return fmt.Sprintf("has %s(%.64q), which is none: %v", call.Name, text, err)
	}
	return ""
}
