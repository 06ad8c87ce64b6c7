package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// TestMesh holds the tests that can share one mesh.
func TestMesh(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	for name, test := range map[string]func(*testing.T, *apitest.Mesh){
		"authentication":       testAuthentication,
		"authentication NATS":  testAuthenticationNATS,
		"answers stay at home": testAnswersStayAtHome,
		"idempotency":          testIdempotency,
		"batch":                testBatch,
		"refusals":             testRefusals,
		"refusals NATS":        testRefusalsNATS,
		"body too large":       testTooLarge,
		"attempts fenced":      testFencing,
		"short ids":            testShortIDs,
		"cloud events":         testCloudEvents,
		"artifact":             testArtifact,
		"every route answers":  testEveryRoute,
		"feed starts":          testFeedStarts,
		"feed filters":         testFeedFilters,
		"poll":                 testPoll,
		"sleep":                testSleep,
		"briefing":             testBriefing,
		"remembered":           testRemembered,
		"briefed handler":      testBriefedHandler,
		"checkpoints":          testCheckpoints,
		"progress":             testProgress,
		"projections":          testProjections,
		"agents":               testAgents,
		"cancel stops handler": testCancel,
		"failures":             testFailures,
		"requests":             testCommandHeaders,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

// reply is an HTTP answer.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	problem client.Problem
}

// ask sends one HTTP request as the admin; header pairs come at the end.
func ask(t *testing.T, m *apitest.Mesh, method, path, body string, header ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t, 20*time.Second), method, m.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+m.Token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	tr := &http.Transport{DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	r := reply{status: res.StatusCode, header: res.Header}
	if r.body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	if r.status >= 400 {
		_ = json.Unmarshal(r.body, &r.problem) // what is none has no code
	}
	return r
}

// submit makes a task that no agent of another test takes.
func submit(t *testing.T, m *apitest.Mesh, r client.SubmitRequest) client.Receipt {
	t.Helper()
	if r.Capabilities == nil {
		r.Capabilities = []string{"nobody"}
	}
	out, err := m.Client.Submit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// runAgent runs an agent until the test ends or stop is called, which waits
// for its end.
func runAgent(t *testing.T, c *client.Client, cfg client.AgentConfig) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.RunAgent(ctx, cfg) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("agent: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
