package split_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
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
		{"fence in an item", "text/markdown", "# A\n\n- ```sh\n  a\n\n  b\n  ```\n\n# B\n\nb\n", []string{"A|# A", "B|# B"}},
		{"heading in a quote", "text/markdown", "# A\n\n> # Q\n\nb\n\n- # L\n", []string{"A|# A"}},
		{"marks in a title", "text/markdown", "# C#\n\na\n\n# F# #\n\nb\n", []string{"C#|# C#", "F#|# F# #"}},
		{"no title", "text/markdown", "# A\n\n## B\n\nb\n\n##\n\nc\n", []string{"A|# A", "A > B|## B", "A|##"}},
		{"open fence", "text/markdown", "# A\n\n```\n# x\n\n# y\n", []string{"A|# A"}},
		{"byte order mark", "text/markdown", "\ufeff# A\n\na\n", []string{"A|# A"}},
		{"only that mark", "text/plain", "\ufeff", nil},
		{"crlf", "text/markdown", "# A\r\n\r\na\r\n\r\n## B\r\nb\r\n", []string{"A|# A\r", "A > B|## B\r"}},
		{"parameter", "Text/Markdown; charset=utf-8", "# A\n\n# B\n", []string{"A|# A", "B|# B"}},
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
			promises(t, test.text, got, 2400)
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
			promises(t, text, got, 2400)
		}
	}
}

// TestSplitStandardLibrary holds every promise on real files.
func TestSplitStandardLibrary(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads many files")
	}
	root := filepath.Join(runtime.GOROOT(), "src") //nolint:staticcheck // the tree that this test was built with
	files, bytes, took := 0, 0, time.Duration(0)
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
		began := time.Now()
		chunks, err := split.Split(media, string(data), split.Options{})
		took += time.Since(began)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		promises(t, string(data), chunks, 2400)
		files, bytes = files+1, bytes+len(data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 1_000 {
		t.Errorf("only %d files", files)
	}
	t.Logf("%d files, %d bytes, %.0f MB/s", files, bytes, float64(bytes)/1e6/took.Seconds())
}
