package split_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/memory/split"
)

// pieces make texts in which every rule has something to do.
var pieces = []string{
	"# A\n", "## B\n", "C\n===\n", "\n", "\r\n", " ", "\t", "\ufeff", "word", "a b c. ", "Is it? ", "今日は。", "é", "𝄞",
	"```\n", "~~~ go\n", "- ", "1. ", "> ", "    ", "<!-- ", "-->", "package p\n", "func F() {\n", "}\n", "// c\n", "var x = `", "\u2028", "\u3000",
}

var medias = []string{"text/markdown", "text/x-go", "text/x-py", "text/plain"}

// TestPromises holds random texts and options against every promise.
func TestPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.SampledFrom(pieces).Draw(t, "piece"), rapid.IntRange(1, 60).Draw(t, "times"))
		})), 0, 60).Draw(t, "text"), "")
		most := rapid.IntRange(split.MinMax, 400).Draw(t, "max")
		o := split.Options{Max: most, Target: rapid.IntRange(1, most).Draw(t, "target"), Overlap: rapid.IntRange(1, 60).Draw(t, "overlap")}
		media := rapid.SampledFrom(medias).Draw(t, "media")
		got, err := split.Split(media, text, o)
		if err != nil {
			t.Fatal(err)
		}
		promises(t, text, got, most)
		for i := 1; i < len(got); i++ {
			if shared := got[i-1].End - got[i].Start; shared > o.Overlap || shared > 0 && got[i].Heading != got[i-1].Heading {
				t.Fatalf("passages %d and %d share %d bytes", i-1, i, shared)
			}
		}
		again, _ := split.Split(media, text, o)
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatalf("another time, other passages: %s", diff)
		}
	})
}

// TestFencesStayWhole: no passage begins or ends within a block of code that fits.
func TestFencesStayWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"", "# no heading", "code", "  code; code. Code"}), 1, 8)
		indent := rapid.SampledFrom([]string{"", "  ", "- ", "1. ", "> "})
		text, fences := "", [][2]int{}
		for range rapid.IntRange(1, 6).Draw(t, "fences") {
			text += strings.Repeat("Some words. ", rapid.IntRange(0, 20).Draw(t, "words")) + "\n\n"
			first := indent.Draw(t, "indent")
			rest := strings.Repeat(" ", len(first))
			if first == "> " {
				rest = first
			}
			start := len(text)
			text += first + "```sh\n"
			for _, l := range lines.Draw(t, "lines") {
				text += rest + l + "\n"
			}
			text += rest + "```"
			fences = append(fences, [2]int{start, len(text)})
			text += "\n\n"
		}
		got, err := split.Split("text/markdown", text, split.Options{Target: 120, Max: 300, Overlap: 20})
		if err != nil {
			t.Fatal(err)
		}
		promises(t, text, got, 300)
		for _, f := range fences {
			for _, c := range got {
				if c.Start > f[0] && c.Start < f[1] || c.End > f[0] && c.End < f[1] {
					t.Fatalf("%d to %d cuts the fence at %d to %d of %q", c.Start, c.End, f[0], f[1], text)
				}
			}
		}
	})
}

func TestMediaType(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, head, want string
		ok               bool
	}{
		{"a.md", "# A", "text/markdown", true},
		{"A.MD", "", "text/markdown", true},
		{"a.go", "package a", "text/x-go", true},
		{"a.py", "a = 1", "text/x-py", true},
		{"a.html", "<p>", "text/html", true},
		{"Makefile", "all:", "text/plain", true},
		{"a.txt", "h\xc3\xa9\xc3", "text/plain", true}, // cut within a character
		{"a.txt", "𝄞"[:3], "text/plain", true},
		{"a.txt", "h\xe9h", "", false},
		{"a.txt", "\xff", "", false},
		{"a.go", "a\x00b", "", false},
		{"a.txt", strings.Repeat("é", 8<<10), "text/plain", true},
		{"a.txt", "x" + strings.Repeat("é", 8<<10), "text/plain", true},
	} {
		got, ok := split.MediaType(test.name, []byte(test.head))
		if got != test.want || ok != test.ok {
			t.Errorf("%s, %.10q: %q, %t", test.name, test.head, got, ok)
		}
	}
}
