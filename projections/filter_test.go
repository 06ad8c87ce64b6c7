package projections

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		filter, sql string
		args        []any
	}{
		{"", "", nil},
		{"status:waiting,running", "t.status = ANY($2)", []any{[]string{"waiting", "running"}}},
		{"  status=waiting ", "t.status = ANY($2)", []any{[]string{"waiting"}}},
		{"priority>=5", "t.priority >= ($2::bigint[])[1]", []any{[]int64{5}}},
		{"status!=failed", "(t.status = ANY($2)) IS NOT TRUE", []any{[]string{"failed"}}},
		{"capability:gpu", "t.capabilities ?| $2", []any{[]string{"gpu"}}},
		{"label.env:prod", "t.labels ->> $2 = ANY($3)", []any{"env", []string{"prod"}}},
		{`label.note="a \"b\", c"`, "t.labels ->> $2 = ANY($3)", []any{"note", []string{`a "b", c`}}},
		{`agent:""`, "t.agent = ANY($2)", []any{[]string{""}}},
		{"queue:a/b:c", "t.queue = ANY($2)", []any{[]string{"a/b:c"}}},
	}
	for _, tt := range tests {
		c := where("acme")
		if err := c.filter(tt.filter, taskFields()); err != nil {
			t.Errorf("%q: %v", tt.filter, err)
			continue
		}
		want := "t.tenant = $1"
		if tt.sql != "" {
			want += " AND " + tt.sql
		}
		if diff := cmp.Diff(want, c.String()); diff != "" {
			t.Errorf("%q: %s", tt.filter, diff)
		}
		if diff := cmp.Diff(append([]any{"acme"}, tt.args...), c.args); diff != "" {
			t.Errorf("%q: %s", tt.filter, diff)
		}
	}
}

func TestFilterRefusals(t *testing.T) {
	t.Parallel()
	for filter, says := range map[string]string{
		"colour:red":            `position 1: "colour" is not a field; there are agent, attempt, capability`,
		"status:a colour:b":     "position 10",
		"status":                "one of : = != > >= < <= is expected",
		"status:":               "a value is expected",
		"status:a,":             "a value is expected",
		":a":                    "a field name is expected",
		"priority:high":         `"high" is not a whole number`,
		"submitted>yesterday":   "a time like",
		"priority>1,2":          "takes one value",
		"capability>gpu":        "cannot be compared",
		`queue:"open`:           "the quote is not closed",
		`queue:"a"b`:            "a space is expected",
		"id:12":                 "is not a UUID",
		"label:x":               "is not a field",
		"queue:a\x00b":          "not valid text",
		"status:a' OR 1=1 x--:": "position",
	} {
		err := where("acme").filter(filter, taskFields())
		var e *domain.Error
		if !errors.As(err, &e) || e.Kind != domain.Invalid || e.Field != "filter" || !strings.Contains(e.Message, says) {
			t.Errorf("%q: got %v, want %q", filter, err, says)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{"status:waiting,running priority>=5 label.env:prod", `a!="x\"y",z`, "submitted<2026-01-01", ":::", "label.:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := where("acme")
		if err := c.filter(s, taskFields()); err != nil {
			var e *domain.Error
			if !errors.As(err, &e) || e.Field != "filter" {
				t.Fatalf("%q: %v is not about the filter", s, err)
			}
			return
		}
		// Nothing of the input is in the SQL: its words are those of the fields table.
		if strings.ContainsAny(c.String(), `'"\;-`+"\x00") && !strings.Contains(c.String(), "->>") {
			t.Fatalf("%q came through: %s", s, c)
		}
	})
}
