package eventstore

import (
	"fmt"
	"strings"
)

// subjectRoot is the first token of every event's subject.
const subjectRoot = "ev."

// maxToken is the length limit of a subject token, in bytes.
const maxToken = 128

// String returns "<tenant>/<kind>/<id>", for logs and messages.
func (e Entity) String() string { return e.Tenant + "/" + e.Kind + "/" + e.ID }

// Subject returns the one literal subject "ev.<tenant>.<kind>.<id>" that holds
// the entity's events. It wraps ErrInvalid when a part is empty, longer than
// 128 bytes, or has another character than letters, digits, '-' and '_'.
func (e Entity) Subject() (string, error) {
	if !validToken(e.Tenant) || !validToken(e.Kind) || !validToken(e.ID) {
		return "", fmt.Errorf("entity %q: %w", e.String(), ErrInvalid)
	}
	return subjectRoot + e.Tenant + "." + e.Kind + "." + e.ID, nil
}

// ParseSubject is the inverse of Entity.Subject. It wraps ErrInvalid for any
// string that Subject cannot return.
func ParseSubject(subject string) (Entity, error) {
	rest, ok := strings.CutPrefix(subject, subjectRoot)
	tenant, rest, ok1 := strings.Cut(rest, ".")
	kind, id, ok2 := strings.Cut(rest, ".")
	if !ok || !ok1 || !ok2 || !validToken(tenant) || !validToken(kind) || !validToken(id) {
		return Entity{}, fmt.Errorf("subject %q: %w", subject, ErrInvalid)
	}
	return Entity{Tenant: tenant, Kind: kind, ID: id}, nil
}

// kindSubjects matches the subjects of all entities of a kind.
func kindSubjects(kind string) string { return subjectRoot + "*." + kind + ".*" }

func validToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
