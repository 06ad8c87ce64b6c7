package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

var errEnough = errors.New("enough")

// collect subscribes until n events have come.
func collect(t *testing.T, c *client.Client, o client.SubscribeOptions, n int) []client.Event {
	t.Helper()
	var got []client.Event
	err := c.Subscribe(within(t, 20*time.Second), o, func(e client.Event) error {
		if got = append(got, e); len(got) == n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("%d of %d events, then %v", len(got), n, err)
	}
	return got
}

// openFeed opens a feed and returns after its first message.
func openFeed(t *testing.T, m *apitest.Mesh, query string) *bufio.Reader {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t, 20*time.Second), http.MethodGet, m.URL+"/v1/feed?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+m.Token)
	res, err := (&http.Transport{}).RoundTrip(req)
	if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("feed: %v %v", res, err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	r := bufio.NewReader(res.Body)
	first := message(t, r)
	if !strings.Contains(first, "retry:") || !strings.Contains(first, "id: ") || strings.Contains(first, "data:") {
		t.Fatalf("first message: %q", first)
	}
	return r
}

// message reads one message of a feed.
func message(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("feed ended: %v after %q", err, b.String())
		}
		if line == "\n" {
			return b.String()
		}
		b.WriteString(line)
	}
}

func testFeedStarts(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	before := submit(t, m, client.SubmitRequest{})
	live := openFeed(t, m, "kind=task&type=task.submitted&type=task.cancelled")
	after := submit(t, m, client.SubmitRequest{Labels: map[string]string{"feed": "1"}})
	for {
		got := message(t, live)
		if strings.Contains(got, "id: "+after.Position+"\n") {
			if !strings.Contains(got, "event: task.submitted\n") || !strings.Contains(got, `"entity":"`+after.ID+`"`) {
				t.Errorf("message: %s", got)
			}
			break
		}
	}
	got := collect(t, m.Client, client.SubscribeOptions{After: before.Position, Entity: after.ID}, 1)
	if got[0].Position != after.Position {
		t.Errorf("after a position: %+v", got)
	}
	if all := collect(t, m.Client, client.SubscribeOptions{After: client.FromStart}, 1); all[0].Seq != 1 {
		t.Errorf("from the start: %+v", all)
	}
	if r := ask(t, m, "GET", "/v1/feed?after=start", "", "Last-Event-ID", "x"); r.status != 422 {
		t.Errorf("Last-Event-ID must win: %d", r.status)
	}
	epoch, _, _ := strings.Cut(after.Position, ".")
	if r := ask(t, m, "GET", "/v1/feed?after="+epoch+".99999999", ""); r.status != 409 || r.problem.Code != "beyond_log" {
		t.Errorf("beyond the end: %d %s", r.status, r.body)
	}
}

func testFeedFilters(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	r := submit(t, m, client.SubmitRequest{})
	if _, err := m.Client.Cancel(t.Context(), r.ID, ""); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]client.SubscribeOptions{
		"entity": {Kind: "task", Entity: r.ID},
		"prefix": {Entity: r.ID[:18]},
		"types":  {Entity: r.ID, Types: []string{"task.submitted", "task.cancelled"}},
	} {
		if _, err := m.Client.Task(t.Context(), r.ID, r.Position); err != nil {
			t.Fatal(err)
		}
		o.After = client.FromStart
		got := collect(t, m.Client, o, 2)
		if got[0].Type != "task.submitted" || got[1].Type != "task.cancelled" || got[0].Entity != r.ID {
			t.Errorf("%s: %+v", name, got)
		}
	}
	only := collect(t, m.Client, client.SubscribeOptions{After: client.FromStart, Kind: "task", Types: []string{"task.cancelled"}}, 1)
	if only[0].Type != "task.cancelled" {
		t.Errorf("one type: %+v", only)
	}
}

// cutting breaks connections after a random number of bytes.
type cutting struct {
	http.RoundTripper
	cuts atomic.Int64
}

type cutBody struct {
	c    *cutting
	body interface {
		Read([]byte) (int, error)
		Close() error
	}
	left int
}

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(r)
	if err == nil && strings.Contains(r.URL.Path, "/feed") {
		res.Body = &cutBody{c: c, body: res.Body, left: 200 + rand.IntN(20_000)}
	}
	return res, err
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.c.cuts.Add(1)
		return 0, errors.New("cut by the test")
	}
	n, err := b.body.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *cutBody) Close() error { return b.body.Close() }

func TestFeedResumesExactly(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 100
	m := apitest.Start(t, apitest.Config{})
	transport := &cutting{RoundTripper: &http.Transport{}}
	c, err := client.New(client.Config{URL: m.URL, Token: m.Token, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t, 60*time.Second)
	first := submit(t, m, client.SubmitRequest{})
	failed := make(chan error, writers)
	for w := range writers {
		go func() {
			var err error
			for i := 0; i < each && err == nil; i++ {
				key := fmt.Sprintf("%d-%d", w, i)
				_, err = m.Client.SubmitBatch(ctx, []client.SubmitRequest{{Queue: "feed", Key: key, Capabilities: []string{"nobody"}}, {Queue: "feed", Key: key + "b", Capabilities: []string{"nobody"}}})
			}
			failed <- err
		}()
	}
	var seqs []uint64
	err = c.Subscribe(ctx, client.SubscribeOptions{After: first.Position, Types: []string{"task.submitted"}}, func(e client.Event) error {
		if seqs = append(seqs, e.Seq); len(seqs) == 2*writers*each {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("%d events, then %v", len(seqs), err)
	}
	for range writers {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	if !slices.IsSorted(seqs) || len(slices.Compact(slices.Clone(seqs))) != len(seqs) {
		t.Error("events came out of order or twice")
	}
	if transport.cuts.Load() < 10 {
		t.Errorf("only %d cuts", transport.cuts.Load())
	}
	if want := recorded(t, m, first.Position); !slices.Equal(want, seqs) {
		t.Errorf("the feed gave %d events, the log has %d", len(seqs), len(want))
	}
}

func TestFeedBehindTheRing(t *testing.T) {
	t.Parallel()
	const batches, each = 9, 1000 // more than the hub keeps
	m := apitest.Start(t, apitest.Config{})
	ctx := within(t, 60*time.Second)
	live := make(chan []uint64, 1)
	read := func() []uint64 {
		var seqs []uint64
		err := m.Client.Subscribe(ctx, client.SubscribeOptions{After: client.FromStart, Kind: "task"}, func(e client.Event) error {
			if seqs = append(seqs, e.Seq); len(seqs) == batches*each {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			t.Errorf("%d events, then %v", len(seqs), err)
		}
		return seqs
	}
	go func() { live <- read() }()
	for b := range batches {
		tasks := make([]client.SubmitRequest, each)
		for i := range tasks {
			tasks[i] = client.SubmitRequest{Key: fmt.Sprintf("%d-%d", b, i), Capabilities: []string{"nobody"}}
		}
		if _, err := m.Client.SubmitBatch(ctx, tasks); err != nil {
			t.Fatal(err)
		}
	}
	late := read()
	if got := <-live; !slices.Equal(got, late) || !slices.IsSorted(late) {
		t.Errorf("a feed from the start gave %d events, a late one %d", len(got), len(late))
	}
}

// recorded returns the sequences of the submissions after a position, from the log.
func recorded(t *testing.T, m *apitest.Mesh, after string) []uint64 {
	t.Helper()
	from, err := m.Store.ParsePosition(after)
	if err != nil {
		t.Fatal(err)
	}
	last, err := m.Store.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var seqs []uint64
	for seq := from + 1; seq <= last; seq++ {
		if r, err := m.Store.Get(context.WithoutCancel(t.Context()), seq); err == nil && r.Type == "task.submitted" {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}
