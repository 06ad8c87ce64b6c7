package split_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/memory/split"
)

// TestDeepMarkdown: depth costs no more than length does: a text four times as
// long takes about four times as long, not sixteen times. It measures time, so
// it runs beside no other test, and the best of three counts.
func TestDeepMarkdown(t *testing.T) {
	const size = 1 << 19
	for name, text := range map[string]func(size int) string{
		"brackets":    func(size int) string { return strings.Repeat("[", size) },
		"quotes":      func(size int) string { return strings.Repeat(">", size) },
		"stars":       func(size int) string { return strings.Repeat("*", size) },
		"stars apart": func(size int) string { return strings.Repeat("* ", size/2) },
		"stairs":      stairs,
		"lists, then blank": func(size int) string {
			return strings.Repeat("- ", size/4) + "a" + strings.Repeat("\n", size/2)
		},
		"quotes, then lazy": func(size int) string {
			return strings.Repeat("> ", size/4) + "a" + strings.Repeat("\na", size/4)
		},
		"quotes and lists": func(size int) string {
			return strings.Repeat("> - ", size/8) + "a" + strings.Repeat("\n\n> a", size/8)
		},
		"fences in lists":    func(size int) string { return strings.Repeat("- ```\n", size/6) },
		"headings, no title": func(size int) string { return strings.Repeat("#\n", size/2) },
	} {
		short, long := fastest(t, text(size/4)), fastest(t, text(size))
		if long > 10*short+100*time.Millisecond {
			t.Errorf("%s: %v, and four times as long %v", name, short, long)
		}
	}
}

func stairs(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		b.WriteString(strings.Repeat("  ", i%1000) + "- a\n")
	}
	return b.String()
}

// fastest splits a text three times and returns what the fastest took.
func fastest(t *testing.T, text string) time.Duration {
	t.Helper()
	best := time.Hour
	for try := range 3 {
		began := time.Now()
		got, err := split.Split("text/markdown", text, split.Options{})
		if err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(began))
		if try == 0 {
			promises(t, text, got, 2400)
		}
	}
	return best
}

// TestNothingIsOnlyRepeated: where lines are followed by much space, the lines
// that overlap make no passage by themselves.
func TestNothingIsOnlyRepeated(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a line of words\n", 150) + strings.Repeat(" ", 5_000) + "x"
	for _, media := range []string{"text/plain", "text/x-c", "text/markdown"} {
		got, err := split.Split(media, text, split.Options{})
		if err != nil {
			t.Fatal(err)
		}
		promises(t, text, got, 2400)
		if len(got) != 2 {
			t.Errorf("%s: %d passages", media, len(got))
		}
	}
}
