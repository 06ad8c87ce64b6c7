package api_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/memory/embed/openai"
)

// sickProvider speaks as OpenAI-compatible endpoints do: a vector of word
// counts, or what is wrong with it at the moment.
type sickProvider struct {
	sick  atomic.Value // string
	texts atomic.Int64 // that it was asked to embed while well
}

func (p *sickProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var q struct {
		Input []string `json:"input"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	type item struct {
		Index     int   `json:"index"`
		Embedding []any `json:"embedding"`
	}
	var out struct {
		Data []item `json:"data"`
	}
	sick, _ := p.sick.Load().(string)
	for i, text := range q.Input {
		v := countWords(text)
		switch sick {
		case "dimensions":
			v = v[:len(v)-1]
		case "nan":
			v[0] = nil
		}
		out.Data = append(out.Data, item{i, v})
	}
	answer, err := json.Marshal(out)
	if err != nil {
		return
	}
	switch sick {
	case "truncated":
		answer = answer[:len(answer)/2]
	case "error":
		w.WriteHeader(http.StatusInternalServerError)
	case "":
		p.texts.Add(int64(len(q.Input)))
	}
	_, _ = w.Write(answer)
}

func countWords(text string) []any {
	counts := make([]float64, 64)
	for _, word := range strings.Fields(strings.ToLower(text)) {
		h := fnv.New32a()
		h.Write([]byte(word))
		counts[h.Sum32()%64]++
	}
	out := make([]any, len(counts))
	for i, c := range counts {
		out[i] = c + 0.01
	}
	return out
}

// TestSickProvider: whatever is wrong with the provider, what is remembered is
// found by its words meanwhile, the statistics tell what is wrong, and it is
// found by meaning when the provider is well again. No text is embedded twice,
// not for a rebuild either, which gives the same searches.
func TestSickProvider(t *testing.T) {
	t.Parallel()
	p := &sickProvider{}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	e, err := openai.New(openai.Config{BaseURL: server.URL, Model: "counting"})
	if err != nil {
		t.Fatal(err)
	}
	m := apitest.Start(t, apitest.Config{Embedder: e})
	awaitModels(t, m)
	remembered := []string{rememberShown(t, m, "walrus gardens open at nine")}
	apitest.Eventually(t, func() bool { return slices.Contains(byMeaning(t, m, "when do walrus gardens open"), remembered[0]) })
	for i, sick := range []string{"dimensions", "truncated", "nan", "error"} {
		p.sick.Store(sick)
		text := fmt.Sprintf("number%d of the %s lighthouse", i, sick)
		id := rememberShown(t, m, text)
		apitest.Eventually(t, func() bool {
			s, err := m.Client.MemoryStats(t.Context(), "")
			return err == nil && s.Embedder != nil && s.Embedder.Waiting == 1 && s.Embedder.PausedUntil != nil && s.Embedder.LastFailure != ""
		})
		words, err := m.Client.Search(t.Context(), client.SearchRequest{Query: text, Mode: "words"})
		if err != nil || len(words.Hits) == 0 || words.Hits[0].ID != id {
			t.Errorf("%s: by words %+v, %v", sick, words, err)
		}
		p.sick.Store("")
		apitest.Eventually(t, func() bool { return slices.Contains(byMeaning(t, m, text), id) })
		remembered = append(remembered, id)
	}
	once := p.texts.Load()
	before := searchesOf(t, m)
	if _, err := m.Client.Rebuild(t.Context(), "memories"); err != nil {
		t.Fatal(err)
	}
	apitest.Eventually(t, func() bool {
		models, err := m.Client.Projections(t.Context())
		return err == nil && slices.ContainsFunc(models, func(p client.Projection) bool { return p.Name == "memories" && p.Generation > 1 && p.Progress == nil })
	})
	if after := searchesOf(t, m); !slices.Equal(before, after) {
		t.Errorf("searches before and after a rebuild:\n%v\n%v", before, after)
	}
	if asked := p.texts.Load() - once; asked != 2*int64(len(searchTexts())) { // the queries, and nothing else
		t.Errorf("a rebuild asked the provider for %d texts", asked-2*int64(len(searchTexts())))
	}
	stats, err := m.Client.MemoryStats(t.Context(), "")
	if err != nil || stats.Embedder.Embedded != uint64(len(remembered)) || stats.Embedder.Failures < 4 {
		t.Errorf("%+v, %v; %d were remembered", stats.Embedder, err, len(remembered))
	}
}

func rememberShown(t *testing.T, m *apitest.Mesh, text string) string {
	t.Helper()
	got, err := m.Client.Remember(t.Context(), client.RememberRequest{Text: text, Kind: "episode"})
	if err != nil {
		t.Fatal(err)
	}
	apitest.Eventually(t, func() bool { _, err := m.Client.Memory(t.Context(), got.ID, got.Position); return err == nil })
	return got.ID
}

func byMeaning(t *testing.T, m *apitest.Mesh, query string) []string {
	t.Helper()
	found, err := m.Client.Search(t.Context(), client.SearchRequest{Query: query, Mode: "meaning"})
	if err != nil {
		t.Fatal(err)
	}
	if found.Degraded != "" {
		return nil
	}
	return ids(found)
}

func searchTexts() []string {
	return []string{"walrus gardens", "lighthouse of truncated", "number2 lighthouse", "nine"}
}

// searchesOf is what searches find, with the ranks that led to it. Weights of
// words are left out: they follow the statistics of Postgres.
func searchesOf(t *testing.T, m *apitest.Mesh) []string {
	t.Helper()
	var all []string
	for _, q := range searchTexts() {
		found, err := m.Client.Search(t.Context(), client.SearchRequest{Query: q})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range found.Hits {
			all = append(all, fmt.Sprintf("%s %d %d %s", h.ID, h.MeaningRank, h.WordRank, h.Folded))
		}
	}
	return all
}
