package split_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/memory/split"
)

// TestDeepMarkdown: depth costs no more than length does.
// It measures time, so it runs beside no other test, and the best of three counts.
func TestDeepMarkdown(t *testing.T) {
	const size = 1 << 20
	stairs := &strings.Builder{}
	for i := 0; stairs.Len() < size; i++ {
		stairs.WriteString(strings.Repeat("  ", i%1000) + "- a\n")
	}
	for name, text := range map[string]string{
		"brackets":           strings.Repeat("[", size),
		"quotes":             strings.Repeat(">", size),
		"stars":              strings.Repeat("*", size),
		"stars apart":        strings.Repeat("* ", size/2),
		"stairs":             stairs.String(),
		"lists, then blank":  strings.Repeat("- ", size/4) + "a" + strings.Repeat("\n", size/2),
		"quotes, then lazy":  strings.Repeat("> ", size/4) + "a" + strings.Repeat("\na", size/4),
		"quotes and lists":   strings.Repeat("> - ", size/8) + "a" + strings.Repeat("\n\n> a", size/8),
		"fences in lists":    strings.Repeat("- ```\n", size/6),
		"headings, no title": strings.Repeat("#\n", size/2),
	} {
		best := time.Hour
		for try := 0; try < 3 && best > 2*time.Second; try++ {
			began := time.Now()
			got, err := split.Split("text/markdown", text, split.Options{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			best = min(best, time.Since(began))
			if try == 0 {
				promises(t, text, got, 2400)
			}
		}
		if best > 2*time.Second {
			t.Errorf("%s took %v", name, best)
		}
	}
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
