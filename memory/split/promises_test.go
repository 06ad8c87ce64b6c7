package split_test

import (
	"strings"
	"unicode/utf8"

	"github.com/hivemesh/hivemesh/memory/split"
)

// failer is a test, or a property of one.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// promises holds passages against what the package promises of them.
func promises(t failer, text string, chunks []split.Chunk, most int) {
	t.Helper()
	covered, at, line, counted := len(text)-len(strings.TrimPrefix(text, "\ufeff")), -1, 1, 0
	for i, c := range chunks {
		switch {
		case c.Start < 0 || c.End > len(text) || c.Start >= c.End:
			t.Fatalf("passage %d is no range: %d to %d", i, c.Start, c.End)
		case c.Text != text[c.Start:c.End], !utf8.ValidString(c.Text), strings.TrimSpace(c.Text) == "":
			t.Fatalf("passage %d is not its range, or torn, or blank: %d to %d", i, c.Start, c.End)
		case len(c.Text) > most:
			t.Fatalf("passage %d has %d bytes", i, len(c.Text))
		case c.Start <= at || c.End <= covered:
			t.Fatalf("passage %d goes back: %d to %d after %d", i, c.Start, c.End, covered)
		case c.Start > covered && strings.TrimSpace(text[covered:c.Start]) != "":
			t.Fatalf("lost before passage %d: %.80q", i, text[covered:c.Start])
		}
		line += strings.Count(text[counted:c.Start], "\n")
		if counted = c.Start; c.Line != line {
			t.Fatalf("passage %d is said to be at line %d, not %d", i, c.Line, line)
		}
		at, covered = c.Start, c.End
	}
	if rest := strings.TrimSpace(text[covered:]); rest != "" {
		t.Fatalf("lost at the end: %.80q", rest)
	}
}
