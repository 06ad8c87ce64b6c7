package projections

import (
	"maps"
	"slices"
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// Match reports whether something with these values passes a filter, for lists
// that are not in Postgres. Fields compare as texts, by ":", "=" and "!=".
func Match(filter string, values map[string]string) (bool, error) {
	terms, err := parseFilter(filter)
	if err != nil {
		return false, err
	}
	for _, t := range terms {
		got, known := values[t.field]
		switch {
		case !known:
			return false, domain.InvalidField("filter", "there is no field %.40q; there are %s", t.field, strings.Join(slices.Sorted(maps.Keys(values)), ", "))
		case t.op != ":" && t.op != "=" && t.op != "!=":
			return false, domain.InvalidField("filter", "%s compares by : or !=, not by %s", t.field, t.op)
		case slices.Contains(t.values, got) == (t.op == "!="):
			return false, nil
		}
	}
	return true, nil
}
