package projections

import (
	"strings"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain"
)

// shortestPrefix is how much of an id must be given, in hex digits.
const shortestPrefix = 4

// idRange returns the lowest and the highest UUID that begin with prefix,
// dashes aside. What cannot be the beginning of an id is missing.
func idRange(prefix string, missing *domain.Error) (low, high string, err error) {
	digits := strings.ToLower(strings.ReplaceAll(prefix, "-", ""))
	if len(digits) > 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", "", missing
	}
	if len(digits) < shortestPrefix {
		return "", "", domain.InvalidField("id", "%q is too short: give %d characters of an id at least", prefix, shortestPrefix)
	}
	a, err := uuid.Parse(digits + strings.Repeat("0", 32-len(digits)))
	if err != nil {
		return "", "", missing
	}
	b, err := uuid.Parse(digits + strings.Repeat("f", 32-len(digits)))
	if err != nil {
		return "", "", missing
	}
	return a.String(), b.String(), nil
}
