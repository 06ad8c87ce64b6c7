package embedtest_test

import (
	"context"
	"go/build"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/memory/embed/embedtest"
)

// table is an embedder of known vectors.
type table map[string][]float32

func (table) Model() string   { return "table" }
func (table) Dimensions() int { return 2 }
func (table) MaxBatch() int   { return 2 }

func (m table) Embed(_ context.Context, texts []string) ([]embed.Result, error) {
	var out []embed.Result
	for _, text := range texts {
		out = append(out, embed.Result{Vector: m[text]})
	}
	return out, nil
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	p := table{"east": {1, 0}, "north": {0, 1}, "west": {-1, 0}, "q1": {1, 0}, "q2": {0, 1}, "twin": {0, 1}}
	set := embedtest.Set{Texts: []string{"east", "north", "west", "twin"}, Queries: []string{"q1", "q2", "q1"}, Answers: []int{0, 1, 2}}
	got, err := embedtest.Measure(t.Context(), p, set) // ranks 1, 2 (a twin is as near), 4
	if err != nil {
		t.Fatal(err)
	}
	ndcg := (1 + 1/math.Log2(3) + 1/math.Log2(5)) / 3
	if got.Recall10 != 1 || math.Abs(got.MRR-(1+0.5+0.25)/3) > 1e-9 || math.Abs(got.NDCG10-ndcg) > 1e-9 {
		t.Errorf("%+v", got)
	}
}

func TestGoDocs(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, src := range map[string]string{
		"src/p/a.go":          "package p\n\n// Open opens the named file for reading only. More.\nfunc Open() { read() }\n\n// short one\nfunc b() {}\n\nfunc c() {}\n",
		"src/p/a_windows.go":  "package p\n\n// D does a thing that is done there.\nfunc D() {}\n",
		"src/p/a_test.go":     "package p\n\n// E does a thing that is only tested.\nfunc E() {}\n",
		"src/cmd/x/x.go":      "package x\n\n// F does a thing that is a command.\nfunc F() {}\n",
		"src/p/testdata/t.go": "not Go",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var all embedtest.Set
	for _, half := range []embedtest.Half{embedtest.Tune, embedtest.Report} {
		s, err := embedtest.GoDocs(root, half)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Texts) > len(all.Texts) {
			all = s
		}
	}
	want := embedtest.Set{
		Texts:   []string{"func Open() { read() }", "func b() {}", "func c() {}"},
		Queries: []string{"opens the named file for reading only."}, Answers: []int{0},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := embedtest.GoDocs(filepath.Join(root, "missing"), embedtest.Tune); err == nil {
		t.Error("a missing folder is no error")
	}
}

// The halves share no package, and a sample keeps answers right.
func TestSample(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads the Go standard library")
	}
	s, err := embedtest.GoDocs(build.Default.GOROOT, embedtest.Tune)
	if err != nil {
		t.Fatal(err)
	}
	small := s.Sample(50, 200)
	if len(small.Queries) != 50 || len(small.Texts) < 180 || len(small.Texts) > 200 {
		t.Fatalf("%d queries, %d texts", len(small.Queries), len(small.Texts))
	}
	for i, q := range small.Queries {
		j := i * len(s.Queries) / 50
		if q != s.Queries[j] || small.Texts[small.Answers[i]] != s.Texts[s.Answers[j]] {
			t.Errorf("query %d asks for another text", i)
		}
	}
	for _, q := range small.Queries {
		if strings.TrimSpace(q) != q || len(strings.Fields(q)) < 5 {
			t.Errorf("query %q", q)
		}
	}
}
