package ngram_test

import (
	"go/build"
	"testing"

	"github.com/hivemesh/hivemesh/memory/embed/embedtest"
	"github.com/hivemesh/hivemesh/memory/embed/ngram"
)

// The bounds are a little below what was measured on the half of the packages
// that no constant was chosen on. They move with the Go release, whose
// sources are the data.
func TestQuality(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads the Go standard library")
	}
	set, err := embedtest.GoDocs(build.Default.GOROOT, embedtest.Report)
	if err != nil {
		t.Fatal(err)
	}
	set = set.Sample(1000, 0)
	if len(set.Queries) < 1000 || len(set.Texts) < 5000 {
		t.Fatalf("%d queries over %d texts: want at least 1,000 over 5,000", len(set.Queries), len(set.Texts))
	}
	e, err := ngram.New(0)
	if err != nil {
		t.Fatal(err)
	}
	score, err := embedtest.Measure(t.Context(), e, set)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(e.Model(), score)
	if score.Recall10 < 0.45 || score.MRR < 0.27 {
		t.Errorf("recall@10 %.3f, MRR %.3f: want at least 0.45 and 0.27", score.Recall10, score.MRR)
	}
}
