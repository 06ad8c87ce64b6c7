package onnx_test

import (
	"context"
	"errors"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/memory/embed/onnx"
	"github.com/hivemesh/hivemesh/memory/embed/openai"
)

var _ embed.Provider = (*onnx.Embedder)(nil)

const tiny = "testdata/tiny"

func open(t *testing.T, dir string, maxTokens int) *onnx.Embedder {
	t.Helper()
	e, err := onnx.Open(dir, maxTokens)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func one(t *testing.T, e embed.Provider, text string) embed.Result {
	t.Helper()
	got, err := e.Embed(t.Context(), []string{text})
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

// The tiny model's rows are known, so its means are too.
func TestMeanOfTokens(t *testing.T) {
	t.Parallel()
	e := open(t, tiny, 0)
	if e.Dimensions() != 4 || !strings.HasPrefix(e.Model(), "tiny@") {
		t.Errorf("%s of %d dimensions", e.Model(), e.Dimensions())
	}
	for text, want := range map[string]struct {
		sum    [4]float64
		tokens int
	}{
		"Cat":                                  {[4]float64{1, 0, 0, 0.2}, 3},
		"cats, dog":                            {[4]float64{1.9, 0.1, 0, 1.2}, 6},
		"car car car car car car not not":      {[4]float64{0, 6, 0, 0.2}, 8}, // cut at 8, the frame stays
		"truck \xff" + strings.Repeat(" ", 99): {[4]float64{0, 0.9, 0.1, 0.2}, 3},
	} {
		got := one(t, e, text)
		norm := math.Hypot(math.Hypot(want.sum[0], want.sum[1]), math.Hypot(want.sum[2], want.sum[3]))
		for i, x := range want.sum {
			if math.Abs(float64(got.Vector[i])-x/norm) > 1e-5 {
				t.Errorf("%q: %v, want %v", text, got.Vector, want.sum)
				break
			}
		}
		if got.Tokens != want.tokens {
			t.Errorf("%q: %d tokens, want %d", text, got.Tokens, want.tokens)
		}
	}
}

func TestWhatDecidesTheVectorsIsInTheName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "tiny")
	if err := os.CopyFS(dir, os.DirFS(tiny)); err != nil {
		t.Fatal(err)
	}
	e := open(t, tiny, 0)
	if same := open(t, dir, 8); same.Model() != e.Model() {
		t.Errorf("%s and %s are one model", same.Model(), e.Model())
	}
	if cut := open(t, dir, 3); cut.Model() == e.Model() || one(t, cut, "cat dog").Tokens != 3 {
		t.Error("what is read of a text is not in the name")
	}
	if err := os.MkdirAll(filepath.Join(dir, "1_Pooling"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "1_Pooling", "config.json"), []byte(`{"pooling_mode_cls_token":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	first := open(t, dir, 8)
	if v := one(t, first, "cat").Vector; first.Model() == e.Model() || v[0] != 0 || v[3] != 1 {
		t.Errorf("the first token alone: %s, %v", first.Model(), v)
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	t.Parallel()
	copyWith := func(name, content string) string {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(tiny)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	quantised, err := os.ReadFile("testdata/quantised.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for says, dir := range map[string]string{
		"no such file":   t.TempDir(),
		"parse model":    copyWith("model.onnx", "not a model"),
		"tokenizer.json": copyWith("tokenizer.json", "{"),
		"quantised":      copyWith("model.onnx", string(quantised)),
	} {
		if e, err := onnx.Open(dir, 0); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", says, e, err)
		}
	}
	for _, n := range []int{-1, 2, 513} {
		if _, err := onnx.Open(tiny, n); err == nil {
			t.Errorf("%d tokens are accepted", n)
		}
	}
}

func TestCallersTakeTurns(t *testing.T) {
	t.Parallel()
	e := open(t, tiny, 0)
	want := one(t, e, "the cat").Vector
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				got, err := e.Embed(context.Background(), []string{"a truck and a car", "the cat"})
				if err != nil || got[1].Vector[0] != want[0] {
					t.Errorf("%v, %v, want %v", got, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
	e.Close()
	var f *embed.Failure
	if _, err := e.Embed(t.Context(), []string{"cat"}); !errors.As(err, &f) || f.Retry {
		t.Errorf("after Close: %v", err)
	}
}

// What the command serves, the openai embedder can ask.
func TestThroughTheProtocol(t *testing.T) {
	t.Parallel()
	e := open(t, tiny, 0)
	s := httptest.NewServer(onnx.Handler(e))
	t.Cleanup(s.Close)
	ask := func(model string) *openai.Embedder {
		c, err := openai.New(openai.Config{BaseURL: s.URL + "/v1", Model: model})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	c := ask(e.Model())
	got, err := c.Embed(t.Context(), []string{"dog", "car"})
	if err != nil || len(got) != 2 || got[0].Tokens != 3 || c.Dimensions() != 4 {
		t.Fatalf("%v, %v", got, err)
	}
	if want := one(t, e, "car").Vector; math.Abs(float64(got[1].Vector[1]-want[1])) > 1e-6 {
		t.Errorf("%v, want %v", got[1].Vector, want)
	}
	var f *embed.Failure
	if _, err := ask("other").Embed(t.Context(), []string{"dog"}); !errors.As(err, &f) || f.Status != 404 || !strings.Contains(f.Reason, "model_not_found") {
		t.Errorf("another model: %v", err)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	e := open(t, tiny, 0)
	h := onnx.Handler(e)
	m := `"model":"` + e.Model() + `"`
	many := `{` + m + `,"input":[` + strings.Repeat(`"cat",`, 32) + `"cat"]}`
	for body, want := range map[string]int{
		`{` + m + `,"input":"cat"}`:                              200,
		`{` + m + `,"input":["cat"],"encoding_format":"float"}`:  200,
		`{` + m + `,"input":["cat"],"encoding_format":"base64"}`: 400,
		`{` + m + `,"input":["cat"],"dimensions":2}`:             400,
		`{` + m + `,"input":[]}`:                                 400,
		`{` + m + `,"input":[" "]}`:                              400,
		`{` + m + `,"input":[1,2]}`:                              400,
		`{"input":["cat"]}`:                                      404,
		`{`:                                                      400,
		`"` + strings.Repeat("x", 9<<20) + `"`:                   413,
		many:                                                     400,
	} {
		r := httptest.NewRequest("POST", "/v1/embeddings", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%.80s: %d, want %d", body, w.Code, want)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/embeddings", strings.NewReader(`{`+m+`,"input":"cat"}`)))
	if w.Code != 415 {
		t.Errorf("a web page's form: %d, want 415", w.Code)
	}
}
