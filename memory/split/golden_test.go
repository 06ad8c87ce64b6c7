package split_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/memory/split"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden shows the passages of one whole file of each kind. They are part
// of Version: other passages mean another version.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"guide.md", "queue.go.src", "queue.py", "letter.txt", "page.html"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata", name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text := string(data)
			media, ok := split.MediaType(strings.TrimSuffix(name, ".src"), data)
			if !ok {
				t.Fatal("is no text")
			}
			chunks, err := split.Split(media, text, split.Options{Target: 160, Max: 240, Overlap: 60})
			if err != nil {
				t.Fatal(err)
			}
			promises(t, text, chunks, 240)
			out := &strings.Builder{}
			for _, c := range chunks {
				fmt.Fprintf(out, "=== bytes %d to %d, line %d, %q\n%s\n", c.Start, c.End, c.Line, c.Heading, c.Text)
			}
			if *update {
				if err := os.WriteFile(path+".golden", []byte(out.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path + ".golden")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func BenchmarkSplit(b *testing.B) {
	for _, name := range []string{"guide.md", "queue.go.src", "queue.py", "letter.txt"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			b.Fatal(err)
		}
		media, _ := split.MediaType(strings.TrimSuffix(name, ".src"), data)
		text := strings.Repeat(string(data)+"\n", 100)
		if media == "text/x-go" { // a package clause begins a file only
			text = string(data)
		}
		b.Run(media, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := split.Split(media, text, split.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
