package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// narrow is a transport whose first connection takes little that nobody has
// read.
func narrow() *http.Transport {
	var once sync.Once
	return &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			once.Do(func() { err = c.(*net.TCPConn).SetReadBuffer(64 << 10) })
		}
		return c, err
	}}
}

// submissions opens a feed of them behind a position.
func submissions(t *testing.T, m *apitest.Mesh, tr *http.Transport, lastID string) *bufio.Reader {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t, time.Minute), http.MethodGet, m.URL+"/v1/feed?type=task.submitted", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+m.Token)
	req.Header.Set("Last-Event-ID", lastID)
	res, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return bufio.NewReader(res.Body)
}

// take reads messages until most events have come or the feed ends; a message
// that is not whole does not count.
func take(t *testing.T, r *bufio.Reader, most int) (seqs []uint64, lastID string) {
	t.Helper()
	var id, data string
	for len(seqs) < most {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if lastID = id; data != "" {
				var e client.Event
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					t.Fatal(err)
				}
				seqs = append(seqs, e.Seq)
			}
			data = ""
		}
	}
	return seqs, lastID
}

// TestSlowFeeds lets two clients not read for a while: they are cut, nobody
// else waits for them, and they go on where they were.
func TestSlowFeeds(t *testing.T) {
	t.Parallel()
	const batches, each = 3, 40 // 24 MB
	m := apitest.Start(t, apitest.Config{})
	ctx := within(t, 3*time.Minute)
	first := submit(t, m, client.SubmitRequest{})
	slow := submissions(t, m, narrow(), first.Position)
	cut := make(chan struct{})
	sdk := make(chan []uint64, 1)
	go func() {
		c, err := client.New(client.Config{URL: m.URL, Token: m.Token, HTTP: &http.Client{Transport: narrow()}})
		if err != nil {
			t.Error(err)
		}
		sdk <- follow(ctx, t, c, first.Position, batches*each, func() { <-cut })
	}()
	awaitFeeds(t, m, 2)
	quick := make(chan []uint64, 1)
	go func() { quick <- follow(ctx, t, m.Client, first.Position, batches*each, func() {}) }()
	began, input := time.Now(), json.RawMessage(`"`+strings.Repeat("x", 200<<10)+`"`)
	for b := range batches {
		tasks := make([]client.SubmitRequest, each)
		for i := range tasks {
			tasks[i] = client.SubmitRequest{Key: fmt.Sprintf("%d-%d", b, i), Capabilities: []string{"nobody"}, Input: input}
		}
		if _, err := m.Client.SubmitBatch(ctx, tasks); err != nil {
			t.Fatal(err)
		}
	}
	want := recorded(t, m, first.Position)
	if got := <-quick; !slices.Equal(got, want) {
		t.Errorf("beside slow feeds, another gave %d of %d events", len(got), len(want))
	}
	t.Logf("a quick feed had everything after %s", time.Since(began).Round(time.Millisecond))

	awaitFeeds(t, m, 0)
	close(cut)
	got, lastID := take(t, slow, len(want))
	if len(got) == len(want) {
		t.Fatal("the slow feed was not cut within what it was to read: the test shows nothing")
	}
	rest, _ := take(t, submissions(t, m, &http.Transport{}, lastID), len(want)-len(got))
	if !slices.Equal(append(got, rest...), want) {
		t.Errorf("cut after %d events, a slow feed went on with %d of %d", len(got), len(rest), len(want))
	}
	if got := <-sdk; !slices.Equal(got, want) {
		t.Errorf("a slow subscription gave %d of %d events", len(got), len(want))
	}
}

// follow subscribes to submissions; before the first is taken it waits.
func follow(ctx context.Context, t *testing.T, c *client.Client, after string, n int, wait func()) (seqs []uint64) {
	t.Helper()
	err := c.Subscribe(ctx, client.SubscribeOptions{After: after, Types: []string{"task.submitted"}}, func(e client.Event) error {
		if len(seqs) == 0 {
			wait()
		}
		if seqs = append(seqs, e.Seq); len(seqs) == n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Errorf("%d events, then %v", len(seqs), err)
	}
	return seqs
}

// awaitFeeds waits until so many feeds are open.
func awaitFeeds(t *testing.T, m *apitest.Mesh, n int) {
	t.Helper()
	apitest.Eventually(t, func() bool {
		return strings.Contains(string(ask(t, m, "GET", "/metrics", "").body), fmt.Sprintf("\nmesh_feeds %d\n", n))
	})
}
