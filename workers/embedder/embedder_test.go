package embedder_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/memory/embed/ngram"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// unsteady is the built-in embedder, which fails as it is told.
type unsteady struct {
	*ngram.Embedder
	mu     sync.Mutex
	fail   func(texts []string) error
	spoil  func(v []float32)
	counts map[string]int // how often each text was embedded
}

func newUnsteady(t *testing.T) *unsteady {
	t.Helper()
	e, err := ngram.New(0)
	if err != nil {
		t.Fatal(err)
	}
	return &unsteady{Embedder: e, counts: map[string]int{}}
}

func (u *unsteady) set(fail func([]string) error, spoil func([]float32)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fail, u.spoil = fail, spoil
}

func (u *unsteady) Embed(ctx context.Context, texts []string) ([]embed.Result, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fail != nil {
		if err := u.fail(texts); err != nil {
			return nil, err
		}
	}
	out, err := u.Embedder.Embed(ctx, texts)
	for i := range out {
		u.counts[texts[i]]++
		if u.spoil != nil {
			u.spoil(out[i].Vector)
		}
	}
	return out, err
}

func add(t *testing.T, m *apitest.Mesh, r client.RememberRequest) client.Receipt {
	t.Helper()
	got, err := m.Client.Remember(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func stats(t *testing.T, m *apitest.Mesh) client.MemoryStats {
	t.Helper()
	s, err := m.Client.MemoryStats(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// live counts the live items.
func live(t *testing.T, m *apitest.Mesh, filter string) []client.Memory {
	t.Helper()
	page, err := m.Client.Memories(t.Context(), client.ListOptions{Filter: "status:live " + filter, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

// TestProviderFails: whatever a provider does, nothing is lost; texts are found
// by their words meanwhile, and by their meaning when it is well again.
func TestProviderFails(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]struct {
		fail  func([]string) error
		spoil func([]float32)
	}{
		"timeout": {fail: func([]string) error { return &embed.Failure{Code: embed.Timeout, Retry: true, Reason: "too slow"} }},
		"limited": {fail: func([]string) error {
			return &embed.Failure{Code: embed.Limited, Retry: true, After: time.Second, Status: 429, Reason: "slow down"}
		}},
		"overload": {fail: func([]string) error {
			return &embed.Failure{Code: embed.Overloaded, Retry: true, Status: 500, Reason: "sorry"}
		}},
		"refused":   {fail: func([]string) error { return &embed.Failure{Code: embed.Refused, Status: 401, Reason: "check the key"} }},
		"no number": {spoil: func(v []float32) { v[0] = float32(math.NaN()) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUnsteady(t)
			m := apitest.Start(t, apitest.Config{Embedder: u})
			u.set(trouble.fail, trouble.spoil)
			added := add(t, m, client.RememberRequest{Text: "The zebra crossing is painted on Tuesdays."})
			apitest.Eventually(t, func() bool { return stats(t, m).Embedder.LastFailure != "" })
			found, err := m.Client.Search(t.Context(), client.SearchRequest{Query: "zebra crossing", After: added.Position})
			if err != nil || len(found.Hits) != 1 || found.Hits[0].WordRank != 1 || found.Hits[0].MeaningRank != 0 {
				t.Fatalf("by words: %+v, %v", found, err)
			}
			if s := stats(t, m); s.Embedder.Waiting != 1 || s.Embedder.PausedUntil == nil && s.Embedder.Failures == 0 {
				t.Errorf("%+v", s.Embedder)
			}
			u.set(nil, nil)
			apitest.Eventually(t, func() bool {
				s := stats(t, m)
				return s.Embedder.Waiting == 0 && s.Embedder.LastFailure == "" && len(s.Models) == 1 && s.Models[0].Vectors == 1
			})
		})
	}
}

// TestOneTextIsBad: the text that a provider cannot embed is set aside alone.
func TestOneTextIsBad(t *testing.T) {
	t.Parallel()
	u := newUnsteady(t)
	u.set(func(texts []string) error {
		if strings.Contains(strings.Join(texts, "\n"), "poison") {
			return &embed.Failure{Code: embed.BadInput, Reason: "not this"}
		}
		return nil
	}, nil)
	m := apitest.Start(t, apitest.Config{Embedder: u})
	var items []client.RememberRequest
	for i := range 20 {
		items = append(items, client.RememberRequest{Text: fmt.Sprintf("Item %d tells of room %d and of nothing else at all.", i, 1000*i), Kind: "episode"})
	}
	items[7].Text = "poison"
	if _, err := m.Client.RememberAll(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	apitest.Eventually(t, func() bool {
		s := stats(t, m)
		return s.Embedder.SetAside == 1 && s.Embedder.Waiting == 0 && len(s.Models) == 1 && s.Models[0].Vectors == 19
	})
	u.mu.Lock()
	defer u.mu.Unlock()
	for text, n := range u.counts {
		if n != 1 && !strings.HasPrefix(text, "dimensions") {
			t.Errorf("%q was embedded %d times", text, n)
		}
	}
}

// TestFactsDoNotPileUp: 15 wordings of 5 facts leave 5 live items, and their
// whole history; what only looks alike stays.
func TestFactsDoNotPileUp(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	facts := []string{
		"The billing service retries a failed payment three times before it gives up.",
		"Production deploys happen from the release branch on Thursday mornings.",
		"The search cluster in Frankfurt holds its indexes on local disks only.",
		"Customer addresses must never be written into application logs.",
		"The nightly export for the warehouse starts at half past two.",
	}
	var last client.Receipt
	for _, f := range facts {
		for _, wording := range []string{f, strings.ToUpper(f), strings.TrimSuffix(f, ".") + " !"} {
			last = add(t, m, client.RememberRequest{Text: wording})
		}
	}
	apitest.Eventually(t, func() bool { return len(live(t, m, "kind:fact")) == len(facts) })
	all, err := m.Client.Memories(t.Context(), client.ListOptions{After: last.Position, Limit: 1000})
	if err != nil || len(all.Items) != 15 {
		t.Fatalf("%d items are told of, %v", len(all.Items), err)
	}
	events, err := m.Client.Events(t.Context(), client.ListOptions{Filter: "type:memory.remembered", Limit: 1000})
	if err != nil || len(events.Items) != 15 {
		t.Errorf("%d events, %v", len(events.Items), err)
	}
	for _, i := range all.Items {
		if i.Status == "merged" && i.ReplacedBy == "" {
			t.Errorf("%s was merged into nothing", i.ID)
		}
	}
	add(t, m, client.RememberRequest{Text: "The nightly export for the lawyers starts at half past nine."})
	apitest.Eventually(t, func() bool { return stats(t, m).Embedder.Waiting == 0 && len(live(t, m, "kind:fact")) == len(facts)+1 })
}

// TestNewerSupersedes: of two items about one subject in one scope the newer
// holds; a restored one stays.
func TestNewerSupersedes(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	old := add(t, m, client.RememberRequest{Text: "The port is 5432.", Subject: "port"})
	elsewhere := add(t, m, client.RememberRequest{Text: "The port is 1.", Subject: "port", Scope: "agent:" + m.Root})
	newer := add(t, m, client.RememberRequest{Text: "The database listens on 6000 since May.", Subject: "port"})
	apitest.Eventually(t, func() bool {
		got, err := m.Client.Memory(t.Context(), old.ID, "")
		return err == nil && got.Status == "superseded" && got.ReplacedBy == newer.ID
	})
	restored, err := m.Client.Restore(t.Context(), old.ID, "it was right")
	if err != nil {
		t.Fatal(err)
	}
	apitest.Eventually(t, func() bool { return stats(t, m).Embedder.Waiting == 0 })
	for _, id := range []string{old.ID, newer.ID, elsewhere.ID} {
		if got, err := m.Client.Memory(t.Context(), id, restored.Position); err != nil || got.Status != "live" {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}
