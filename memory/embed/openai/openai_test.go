package openai_test

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/memory/embed/openai"
)

var _ embed.Provider = (*openai.Embedder)(nil)

const secret = "sk-very-secret-0123456789"

// start serves h and returns an embedder that asks it, with a key.
func start(t *testing.T, h http.HandlerFunc, change func(*openai.Config)) *openai.Embedder {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	key, err := openai.NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	conf := openai.Config{BaseURL: s.URL + "/v1/", Model: "small", Key: key, Dimensions: 3}
	if change != nil {
		change(&conf)
	}
	e, err := openai.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// says answers every request with one body.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}

func TestRequestAndAnswer(t *testing.T) {
	t.Parallel()
	var path, auth string
	var asked map[string]any
	e := start(t, func(w http.ResponseWriter, r *http.Request) {
		path, auth = r.Method+" "+r.URL.Path, r.Header.Get("Authorization")
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		io.WriteString(w, `{"object":"list","model":"small","usage":{"prompt_tokens":8,"total_tokens":8},
			"data":[{"index":1,"embedding":[0,0,-2]},{"index":0,"embedding":[3,4,0]}]}`)
	}, nil)
	got, err := e.Embed(t.Context(), []string{"aaa", "b"})
	if err != nil {
		t.Fatal(err)
	}
	want := []embed.Result{{Vector: []float32{0.6, 0.8, 0}, Tokens: 6}, {Vector: []float32{0, 0, -1}, Tokens: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	wantAsked := map[string]any{"model": "small", "input": []any{"aaa", "b"}, "encoding_format": "float"}
	if diff := cmp.Diff(wantAsked, asked); diff != "" || path != "POST /v1/embeddings" || auth != "Bearer "+secret {
		t.Errorf("%s, %s, request (-want +got):\n%s", path, auth, diff)
	}
}

func TestAnswersWithoutIndexOrUsage(t *testing.T) {
	t.Parallel()
	e := start(t, says(`{"data":[{"embedding":[1,0,0]},{"embedding":[0,1,0]}]}`), func(c *openai.Config) { c.Dimensions = 0 })
	if e.Dimensions() != 0 {
		t.Error("the dimensions are known too early")
	}
	got, err := e.Embed(t.Context(), []string{"12345678", "1"})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Vector[0] != 1 || got[1].Vector[1] != 1 || got[0].Tokens+got[1].Tokens != 4 || e.Dimensions() != 3 {
		t.Errorf("%v, %d dimensions", got, e.Dimensions())
	}
}

func TestAskedDimensions(t *testing.T) {
	t.Parallel()
	var asked struct{ Dimensions int }
	e := start(t, func(w http.ResponseWriter, r *http.Request) {
		json.NewDecoder(r.Body).Decode(&asked)
		io.WriteString(w, `{"data":[{"embedding":[1,2,3]}]}`)
	}, func(c *openai.Config) { c.AskDimensions = true })
	got, err := e.Embed(t.Context(), []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, x := range got[0].Vector {
		sum += float64(x) * float64(x)
	}
	if asked.Dimensions != 3 || e.Model() != "small@3" || math.Abs(sum-1) > 1e-6 {
		t.Errorf("asked for %d of %s, length² %v", asked.Dimensions, e.Model(), sum)
	}
}

func TestInputIsCheckedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	e := start(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }, func(c *openai.Config) { c.MaxBatch = 2 })
	for _, texts := range [][]string{{"a", "b", "c"}, {"a", " "}} {
		if f := failure(t, e, texts...); f.Code != embed.BadInput || f.Retry {
			t.Errorf("%q: %v", texts, f)
		}
	}
	if got, err := e.Embed(t.Context(), nil); len(got) != 0 || err != nil {
		t.Errorf("no texts: %v, %v", got, err)
	}
}
