package projections

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDefinitionsKeepTheirTables compares each read model with the file of its
// version. Tables that change under the same version would meet rows that an
// older binary wrote into the old ones.
func TestDefinitionsKeepTheirTables(t *testing.T) {
	t.Parallel()
	defs := definitions()
	if !slices.IsSortedFunc(defs, func(a, b definition) int { return strings.Compare(a.name, b.name) }) {
		t.Error("the read models are not in the order of their names")
	}
	for _, d := range defs {
		var got strings.Builder
		for _, table := range d.tables {
			fmt.Fprintf(&got, "%s (%s) key (%s)", table.name, strings.Join(strings.Fields(table.columns), " "), table.key)
			for _, i := range table.indexes {
				fmt.Fprintf(&got, "\n  index %s", i)
			}
			got.WriteString("\n")
		}
		path := filepath.Join("testdata", "tables", fmt.Sprintf("%s.v%d.txt", d.name, d.version))
		want, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			t.Errorf("%s is missing; for new tables or a new version it holds:\n%s", path, got.String())
		case err != nil:
			t.Error(err)
		case string(want) != got.String():
			t.Errorf("the tables of %s have changed: raise its version, and add the file of that version. They are now:\n%s", d.name, got.String())
		}
	}
}

func TestCollatedTouchesOnlyTypes(t *testing.T) {
	t.Parallel()
	got := collated("\n\tid uuid NOT NULL, text text NOT NULL,\n\ttext_size bigint, a text, n numeric(3,1)")
	want := "\n\tid uuid NOT NULL,text text COLLATE \"C\" NOT NULL,\n\ttext_size bigint,a text COLLATE \"C\", n numeric(3,1)"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
