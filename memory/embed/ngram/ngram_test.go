package ngram_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/memory/embed/ngram"
)

var _ embed.Provider = (*ngram.Embedder)(nil)

func vectors(t *testing.T, texts ...string) [][]float32 {
	t.Helper()
	e, err := ngram.New(0)
	if err != nil {
		t.Fatal(err)
	}
	results, err := e.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for _, r := range results {
		out = append(out, r.Vector)
	}
	return out
}

func cosine(a, b []float32) float64 {
	var s float64
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

func TestNearAndFar(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, near, far string }{
		{"parse the HTTP header", "func ParseHTTPHeader(b []byte)", "func SortIntegers(b []byte)"},
		{"parse the http header", "parse_http_header", "the parse error"},
		{"encoding of durations", "encodes a duration", "decodes a number"},
		{"retry policy", "the policy for retries", "the politics of trees"},
		{"数据库连接", "连接数据库", "天气很好"},
		{"Größe der Datei", "die DATEIGRÖSSE, Größe", "Name des Ordners"},
		{"dog bites man", "a dog bites a man", "man dog bites"},
	} {
		v := vectors(t, tt.text, tt.near, tt.far)
		if near, far := cosine(v[0], v[1]), cosine(v[0], v[2]); near <= far+0.001 {
			t.Errorf("%q: %q at %.2f, %q at %.2f", tt.text, tt.near, near, tt.far, far)
		}
	}
}

func TestVectorsAreUnitAndFinite(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x", "?!", "the of and", "\xff\xfe", "7", "🙂", "́", strings.Repeat("a", 1<<16), strings.Repeat("word ", 1<<14)} {
		v := vectors(t, text)[0]
		if length := math.Sqrt(cosine(v, v)); math.Abs(length-1) > 1e-5 || len(v) != 512 {
			t.Errorf("%.20q: %d numbers, length %v", text, len(v), length)
		}
	}
}

// The vectors are stored: others under the same model name would be noise.
func TestVectorsStayTheSame(t *testing.T) {
	t.Parallel()
	v := vectors(t, "Retries the HTTPServer's request_id twice; 连接 once.")[0]
	got := map[int]int{}
	for i, x := range v {
		if x > 0.145 || x < -0.145 {
			got[i] = int(math.Round(float64(x) * 1000))
		}
	}
	want := map[int]int{64: 156, 96: -162, 143: 162, 174: 184, 382: 191, 391: 200, 460: 184, 462: 156, 480: 162, 485: 197}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the model is another one and needs another name (-want +got):\n%s", diff)
	}
}

func TestSameForEveryCaller(t *testing.T) {
	t.Parallel()
	e, err := ngram.New(128)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"one text", "another text of some more words", "one text"}
	want, err := e.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[0], want[2]); diff != "" {
		t.Error("what was read before changes the vector:", diff)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				got, err := e.Embed(context.Background(), texts)
				if err != nil || !cmp.Equal(want, got) {
					t.Errorf("differs: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, dims := range []int{-1, 1, 63, 4001} {
		if _, err := ngram.New(dims); err == nil {
			t.Errorf("%d dimensions are accepted", dims)
		}
	}
	e, err := ngram.New(64)
	if err != nil {
		t.Fatal(err)
	}
	var f *embed.Failure
	if _, err := e.Embed(t.Context(), []string{"a", " \n"}); !errors.As(err, &f) || f.Code != embed.BadInput || f.Retry {
		t.Errorf("a blank text: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Embed(ctx, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the caller gave up: %v", err)
	}
}

func BenchmarkEmbed(b *testing.B) {
	e, err := ngram.New(0)
	if err != nil {
		b.Fatal(err)
	}
	texts := []string{text1K()}
	b.SetBytes(int64(len(texts[0])))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Embed(b.Context(), texts); err != nil {
			b.Fatal(err)
		}
	}
}

// text1K is 1 KB of prose and code without much repetition.
func text1K() string {
	const text = `Append writes the events of one entity in one batch, and fails with ErrConflict when another writer was first.
The expected sequence is that of the last event the caller has seen; zero means that the entity must be new. Retries are safe,
since each batch carries its command's identifier and the log drops duplicates within two minutes.
func (s *Store) Append(ctx context.Context, subject string, expected uint64, events ...Event) (uint64, error) {
	if len(events) == 0 || len(events) > MaxBatch {
		return 0, fmt.Errorf("append %d events to %s: want 1 to %d", len(events), subject, MaxBatch)
	}
	payloads := make([][]byte, 0, len(events))
	for _, event := range events {
		encoded, err := json.Marshal(event)
		if err != nil {
			return 0, fmt.Errorf("encode %s: %w", event.Type(), err)
		}
		payloads = append(payloads, encoded)
	}
	acknowledgement, err := s.stream.PublishBatch(ctx, subject, payloads, jetstream.WithExpectLastSequencePerSubject(expected))
	return acknowledgement.Sequence, translate(err)
}`
	return text
}
