package split_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/memory/split"
)

// heads are the headings and first lines of passages.
func heads(chunks []split.Chunk) []string {
	var out []string
	for _, c := range chunks {
		first, _, _ := strings.Cut(c.Text, "\n")
		out = append(out, c.Heading+"|"+first)
	}
	return out
}

func TestSplitByStructure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, media, text string
		want              []string
	}{
		{
			"markdown", "text/markdown", "intro\n\n# One\n\na\n\n## Two\n\nb\n\n```\n# no heading\n```\n\n# Three\nc\n",
			[]string{"|intro", "One|# One", "One > Two|## Two", "Three|# Three"},
		},
		{"underlined", "text/markdown", "One\n===\na\n\nTwo\n---\nb\n", []string{"One|One", "One > Two|Two"}},
		{
			"go", "text/x-go", "// Package p is.\npackage p\n\nimport \"fmt\"\n\n// F does.\nfunc F() { fmt.Println() }\n\ntype T struct{}\n\nfunc (t *T) M() {}\n",
			[]string{"package p|// Package p is.", "func F|// F does.", "type T|type T struct{}", "func (*T) M|func (t *T) M() {}"},
		},
		{"broken go", "text/x-go", "func {{{\n", []string{"|func {{{"}},
		{"python", "text/x-py", "import os\n\n\ndef f():\n    a\n\n    b\n\ndef g():\n    pass\n", []string{"|import os"}},
		{"prose", "text/plain", "one\n\ntwo\n", []string{"|one"}},
		{"nothing", "text/plain", " \n\t\n", nil},
		{"html", "text/html", "<p>one</p>", []string{"|<p>one</p>"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := split.Split(test.media, test.text, split.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, heads(got)); diff != "" {
				t.Error(diff)
			}
			check(t, test.text, got, 2400)
		})
	}
}

func TestSplitRefusesWhatIsNoText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\xff\xfe", "a\x00b"} {
		_, err := split.Split("text/plain", text, split.Options{})
		var told *domain.Error
		if !errors.As(err, &told) || told.Field != "text" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestHostileTexts: what is nasty takes no longer than its size says, and loses nothing.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"[", ">", "*", "- ", "#", "`", "a", "ü", "\n", "> > > > ", "1. ", "<a>", "\r\n", "```\n", "   \t"} {
		for _, media := range []string{"text/markdown", "text/x-go", "text/x-c", "text/plain"} {
			text := strings.Repeat(unit, (1<<20)/len(unit))
			got, err := split.Split(media, text, split.Options{})
			if err != nil {
				t.Fatalf("%q as %s: %v", unit, media, err)
			}
			check(t, text, got, 2400)
		}
	}
}

// check holds passages against what is promised of them.
func check(t testing.TB, text string, chunks []split.Chunk, most int) {
	t.Helper()
	covered, at := 0, 0
	for i, c := range chunks {
		switch {
		case c.Text != text[c.Start:c.End], !utf8.ValidString(c.Text), strings.TrimSpace(c.Text) == "":
			t.Fatalf("passage %d is not its range, or torn, or blank: %d to %d", i, c.Start, c.End)
		case len(c.Text) > most:
			t.Fatalf("passage %d has %d bytes", i, len(c.Text))
		case c.Start < at || c.End <= covered:
			t.Fatalf("passage %d goes back: %d to %d after %d", i, c.Start, c.End, covered)
		case c.Start > covered && strings.TrimSpace(text[covered:c.Start]) != "":
			t.Fatalf("lost before passage %d: %.80q", i, text[covered:c.Start])
		case c.Line != 1+strings.Count(text[:c.Start], "\n") && i < 50:
			t.Fatalf("passage %d is said to be at line %d", i, c.Line)
		}
		at, covered = c.Start, c.End
	}
	if rest := strings.TrimSpace(text[covered:]); rest != "" {
		t.Fatalf("lost at the end: %.80q", rest)
	}
}

// TestSplitStandardLibrary holds every promise on real files.
func TestSplitStandardLibrary(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads many files")
	}
	root := filepath.Join(runtime.GOROOT(), "src") //nolint:staticcheck // the tree that this test was built with
	files, bytes := 0, 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || files >= 2_000 {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		media, ok := split.MediaType(path, data)
		if !ok || !utf8.Valid(data) || strings.ContainsRune(string(data), 0) {
			return nil
		}
		chunks, err := split.Split(media, string(data), split.Options{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		check(t, string(data), chunks, 2400)
		files, bytes = files+1, bytes+len(data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 1_000 {
		t.Errorf("only %d files", files)
	}
	t.Logf("%d files, %d bytes", files, bytes)
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"# a\n\nb", "func f() {}\n", "a. b. c", "```\nx\n", strings.Repeat("ü", 3000)} {
		for _, media := range []string{"text/markdown", "text/x-go", "text/x-c", "text/plain"} {
			f.Add(media, s, 40)
		}
	}
	f.Fuzz(func(t *testing.T, media, text string, target int) {
		o := split.Options{Target: target % 5000, Max: 2 * (target % 5000)}
		got, err := split.Split(media, text, o)
		if err != nil {
			return
		}
		most := 2400
		if o.Max > 0 {
			most = max(o.Max, 16)
		}
		check(t, text, got, max(most, 2400))
	})
}
