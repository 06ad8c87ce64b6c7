package policy

import (
	"strings"
	"unicode/utf8"

	"github.com/cedar-policy/cedar-go"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Limits of the text of one policy, besides identity.MaxPolicyText bytes.
const (
	MaxStatements = 64 // permit or forbid
	MaxNesting    = 64 // brackets in brackets, and names joined by dots
)

// Policy is a text that was found to be sound.
type Policy struct{ statements []*cedar.Policy }

// Compile reads the text of a policy: one or more statements of Cedar. It
// fails with an Invalid error about the field "text" that says where, when the
// text is empty, too long or not Cedar, and when it names an action, an entity
// type or an attribute that there is not, or permits what only roles can.
func Compile(text string) (*Policy, error) {
	if err := checkSize(text); err != nil {
		return nil, err
	}
	list, err := cedar.NewPolicyListFromBytes("", []byte(text))
	if err != nil {
		said := strings.TrimPrefix(err.Error(), "parser error: ")
		return nil, domain.InvalidField("text", "%.300s", strings.ToValidUTF8(said, "?"))
	}
	if len(list) == 0 || len(list) > MaxStatements {
		return nil, domain.InvalidField("text", "holds %d statements, 1 to %d allowed", len(list), MaxStatements)
	}
	for _, p := range list {
		if wrong := fault(p); wrong != "" {
			at := p.Position()
			return nil, domain.InvalidField("text", "the statement at line %d, column %d %s", at.Line, at.Column, wrong)
		}
	}
	return &Policy{statements: list}, nil
}

// Check is Compile for whoever wants no more than its error.
func Check(text string) error {
	_, err := Compile(text)
	return err
}

// checkSize bounds what the parser is given.
func checkSize(text string) error {
	switch {
	case len(text) == 0 || len(text) > identity.MaxPolicyText:
		return domain.InvalidField("text", "has %d bytes, 1 to %d allowed", len(text), identity.MaxPolicyText)
	case !utf8.ValidString(text):
		return domain.InvalidField("text", "is not valid UTF-8")
	}
	return scan(text)
}
