package crash_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
)

// TestLogFull fills a log with a limit: commands say so and leave nothing
// behind, reads go on, and with a larger limit all goes on.
func TestLogFull(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := newSite(t, embeddedtest.PostgresURL(t), 8<<20)
	n := s.serve(ctx)
	n.ready(ctx, t)
	j := &journal{acked: map[string]client.Receipt{}}
	refused := j.fill(ctx, t, n.client)
	mustSayFull(ctx, t, n.client)
	mustRead(ctx, t, n, len(j.acked))

	s.stopNATS()
	s.config.MaxStore = 256 << 20
	s.startNATS()
	n.ready(ctx, t)
	receipt, err := n.client.Submit(ctx, refused)
	if err != nil {
		t.Fatalf("the refused task, submitted again: %v", err)
	}
	if receipt.Repeat {
		t.Error("the refused task was in the log already")
	}
	j.acked[refused.Key] = receipt
	n.agent(t, "latecomer")
	j.check(ctx, t, n.client)
}

// fill submits large tasks, until one is refused because the log is full; it
// returns that one.
func (j *journal) fill(ctx context.Context, t *testing.T, c *client.Client) client.SubmitRequest {
	t.Helper()
	input := []byte(`"` + strings.Repeat("x", 100<<10) + `"`)
	for i := 0; ctx.Err() == nil; i++ {
		r := client.SubmitRequest{Key: fmt.Sprintf("large-%d", i), Capabilities: []string{"work"}, Input: input}
		receipt, err := c.Submit(ctx, r)
		if err != nil {
			t.Logf("full after %d tasks: %v", len(j.acked), err)
			mustBeFull(t, "submit", err)
			return r
		}
		j.acked[r.Key] = receipt
	}
	t.Fatal("the log is never full")
	return client.SubmitRequest{}
}

// mustSayFull wants commands of all kinds to be refused.
func mustSayFull(ctx context.Context, t *testing.T, c *client.Client) {
	t.Helper()
	_, err := c.Register(ctx, client.RegisterRequest{Name: "too-late", Capabilities: []string{"work"}, Capacity: 1})
	mustBeFull(t, "register", err)
	results, err := c.SubmitBatch(ctx, []client.SubmitRequest{{Key: "batch-1"}, {Key: "batch-2"}})
	if err != nil {
		mustBeFull(t, "batch", err)
	}
	for _, r := range results {
		if r.Error == nil || r.Error.Code != "log_full" {
			t.Errorf("an item of a batch: %+v", r)
		}
	}
}

// mustBeFull wants the refusal of a full log, in words that help.
func mustBeFull(t *testing.T, what string, err error) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable || e.Code != "log_full" || !strings.Contains(e.Detail, "no room left") {
		t.Errorf("%s with a full log: %v", what, err)
	}
}

// mustRead wants the read models to have exactly so many tasks.
func mustRead(ctx context.Context, t *testing.T, n *node, tasks int) {
	t.Helper()
	eventually(ctx, t, "reads go on", func() error {
		counts, err := n.client.Counts(ctx, "")
		if err != nil {
			return err
		}
		got := int64(0)
		for _, c := range counts.Now {
			got += c.Tasks
		}
		if got != int64(tasks) {
			return fmt.Errorf("%d tasks, want %d", got, tasks)
		}
		return nil
	})
}
