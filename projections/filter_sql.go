package projections

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain"
)

// sort says how a field's values are read and compared.
type sort uint8

const (
	asText   sort = iota
	asNumber      // whole numbers
	asTime        // RFC 3339, or a date (UTC)
	asUUID
	asFlag // true or false
	asSet  // a JSON array of names: holds any of the values
	asLabels
)

// field is what a filter may name.
type field struct {
	column string
	sort   sort
}

// conditions compiles a filter into SQL, with every value as a parameter.
type conditions struct {
	sql  []string
	args []any
}

// where begins with the conditions that a list always has.
func where(tenant string) *conditions {
	return &conditions{sql: []string{"t.tenant = $1"}, args: []any{tenant}}
}

// arg adds a parameter and returns its name.
func (c *conditions) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *conditions) String() string { return strings.Join(c.sql, " AND ") }

// filter adds the terms of a filter. Errors are Invalid on the field "filter".
func (c *conditions) filter(filter string, fields map[string]field) error {
	if !utf8.ValidString(filter) || strings.ContainsRune(filter, 0) {
		return domain.InvalidField("filter", "it is not valid text")
	}
	terms, err := parseFilter(filter)
	if err != nil {
		return err
	}
	for _, t := range terms {
		f, ok := fields[t.field]
		if label, is := strings.CutPrefix(t.field, "label."); is && !ok {
			f, ok = fields["label"]
			f.column = "t.labels ->> " + c.arg(label)
			f.sort = asText
		}
		if !ok || f.sort == asLabels {
			return domain.InvalidField("filter", "at position %d: %q is not a field; there are %s", t.at+1, t.field, known(fields))
		}
		sql, err := c.term(t, f)
		if err != nil {
			return err
		}
		c.sql = append(c.sql, sql)
	}
	return nil
}

func known(fields map[string]field) string {
	names := slices.Sorted(maps.Keys(fields))
	for i, n := range names {
		if n == "label" {
			names[i] = "label.<key>"
		}
	}
	return strings.Join(names, ", ")
}

func (c *conditions) term(t term, f field) (string, error) {
	array, err := read(t, f.sort)
	if err != nil {
		return "", err
	}
	switch t.op {
	case ":", "=", "!=":
		format := "%s = ANY(%s)"
		if f.sort == asSet {
			format = "%s ?| %s"
		}
		sql := fmt.Sprintf(format, f.column, c.arg(array))
		if t.op == "!=" {
			sql = "(" + sql + ") IS NOT TRUE"
		}
		return sql, nil
	}
	kind, ordered := map[sort]string{asText: "text", asNumber: "bigint", asTime: "timestamptz"}[f.sort]
	if !ordered {
		return "", domain.InvalidField("filter", "at position %d: %s cannot be compared with %s", t.at+1, t.field, t.op)
	}
	if len(t.values) != 1 {
		return "", domain.InvalidField("filter", "at position %d: %s takes one value", t.at+1, t.op)
	}
	return fmt.Sprintf("%s %s (%s::%s[])[1]", f.column, t.op, c.arg(array), kind), nil
}

// read turns the values of a term into an array of the field's type.
func read(t term, s sort) (any, error) {
	switch s {
	case asNumber:
		return convert(t, "a whole number", func(v string) (int64, error) { return strconv.ParseInt(v, 10, 64) })
	case asTime:
		return convert(t, "a time like 2026-01-31T12:00:00Z or a date like 2026-01-31", readTime)
	case asUUID:
		return convert(t, "a UUID", func(v string) (string, error) {
			id, err := uuid.Parse(v)
			return id.String(), err
		})
	case asFlag:
		return convert(t, "true or false", strconv.ParseBool)
	default:
		return t.values, nil
	}
}

func convert[T any](t term, what string, parse func(string) (T, error)) ([]T, error) {
	out := make([]T, len(t.values))
	for i, v := range t.values {
		x, err := parse(v)
		if err != nil {
			return nil, domain.InvalidField("filter", "at position %d: %q is not %s, which %s needs", t.at+1, v, what, t.field)
		}
		out[i] = x
	}
	return out, nil
}

func readTime(v string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, v); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339Nano, v)
}

// filters reports whether a filter has a term about a field.
func filters(filter, field string) bool {
	terms, err := parseFilter(filter)
	return err == nil && slices.ContainsFunc(terms, func(t term) bool { return t.field == field })
}
