package policy

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/cedar-policy/cedar-go"

	"github.com/hivemesh/hivemesh/domain"
)

// Set is the policies of one tenant, ready to be asked. It is safe for
// concurrent use.
type Set struct {
	statements []statement
	broken     string // name of a policy that this binary cannot read
}

// statement is one permit or forbid of a policy.
type statement struct {
	id     cedar.PolicyID
	policy string
	cedar  *cedar.Policy
}

// NewSet compiles policies by name. It fails as Compile does, about the field
// "policies.<name>"; the Set is usable all the same, and forbids everything.
func NewSet(texts map[string]string) (*Set, error) {
	s := &Set{}
	var first error
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		p, err := Compile(texts[name])
		if err != nil {
			s.broken = name
			first = inPolicy(name, err)
			break
		}
		for i, c := range p.statements {
			s.statements = append(s.statements, statement{id: cedar.PolicyID(fmt.Sprintf("%s#%d", name, i)), policy: name, cedar: c})
		}
	}
	return s, first
}

// inPolicy tells which of several policies an error is about.
func inPolicy(name string, err error) error {
	var e *domain.Error
	if errors.As(err, &e) {
		return domain.InvalidField("policies."+name, "%s", e.Message)
	}
	return fmt.Errorf("policy %s: %w", name, err)
}

// All yields the statements in the order of their policies' names.
func (s *Set) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, st := range s.statements {
			if !yield(st.id, st.cedar) {
				return
			}
		}
	}
}

// Effect is what a Set says about a request.
type Effect uint8

// The effects.
const (
	Silent  Effect = iota // no policy applies
	Permits               // one permits it and none forbids it
	Forbids               // one forbids it, or one that may forbid it cannot be evaluated
)

// Verdict is the answer of a Set. Policy is the name of the one that decided,
// the first by name of several.
type Verdict struct {
	Effect Effect
	Policy string
	Fault  string // why a forbid could not be evaluated
}

// Evaluate holds a request against the policies. A forbid wins over every
// permit. A permit that cannot be evaluated does not apply; a forbid that
// cannot does.
func (s *Set) Evaluate(r Request) Verdict {
	if s.broken != "" {
		return Verdict{Effect: Forbids, Policy: s.broken, Fault: "this version of the mesh cannot read it"}
	}
	if len(s.statements) == 0 {
		return Verdict{}
	}
	view := newView(r)
	allowed, why := cedar.Authorize(s, view, view.request)
	if !allowed && len(why.Reasons) > 0 {
		return Verdict{Effect: Forbids, Policy: s.named(why.Reasons[0].PolicyID).policy}
	}
	for _, e := range why.Errors {
		if st := s.named(e.PolicyID); st.cedar.Effect() == cedar.Forbid {
			return Verdict{Effect: Forbids, Policy: st.policy, Fault: e.Message}
		}
	}
	if allowed {
		return Verdict{Effect: Permits, Policy: s.named(why.Reasons[0].PolicyID).policy}
	}
	return Verdict{}
}

func (s *Set) named(id cedar.PolicyID) statement {
	return s.statements[slices.IndexFunc(s.statements, func(st statement) bool { return st.id == id })]
}
