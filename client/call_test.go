package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// scripted answers requests one after the other and keeps them.
type scripted struct {
	mu      sync.Mutex
	answers []func(http.ResponseWriter)
	bodies  []string
	times   []time.Time
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies, s.times = append(s.bodies, string(body)), append(s.times, time.Now())
	if len(s.answers) == 0 {
		fmt.Fprint(w, `{"id":"t","position":"e.1"}`)
		return
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	answer(w)
}

func status(code int, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(client.Problem{Title: http.StatusText(code), Status: code, Detail: "said so", Field: "f"})
	}
}

func scriptedClient(t *testing.T, answers ...func(http.ResponseWriter)) (*client.Client, *scripted) {
	t.Helper()
	s := &scripted{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{URL: server.URL + "/", Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, s
}

func TestNewRefusesWhatIsNoURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"127.0.0.1:7300", "nats://h:4222", "http://", "::"} {
		if _, err := client.New(client.Config{URL: url}); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
	if c, err := client.New(client.Config{}); err != nil || c.URL() != client.DefaultURL {
		t.Errorf("default: %v", err)
	}
}

func TestUnreachableSaysWhatToDo(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, err := client.New(client.Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Version(t.Context())
	want := "no mesh answers at " + server.URL + "; start one with `mesh up` or set MESH_URL"
	if err == nil || err.Error() != want || !client.IsUnavailable(err) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSubmitIsRepeatedWithItsKey(t *testing.T) {
	t.Parallel()
	c, s := scriptedClient(t, status(503), status(502))
	r, err := c.Submit(t.Context(), client.SubmitRequest{Queue: "q"})
	if err != nil || r.ID != "t" {
		t.Fatal(r, err)
	}
	if len(s.bodies) != 3 || s.bodies[0] != s.bodies[1] || s.bodies[1] != s.bodies[2] || !strings.Contains(s.bodies[0], `"key":"`) {
		t.Errorf("requests: %q", s.bodies)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	c, s := scriptedClient(t, status(503, "Retry-After", "1"))
	if _, err := c.Version(t.Context()); err != nil {
		t.Fatal(err)
	}
	if waited := s.times[1].Sub(s.times[0]); waited < time.Second {
		t.Errorf("came back after %v", waited)
	}
	c, s = scriptedClient(t, status(503, "Retry-After", "3600"))
	var e *client.Error
	if _, err := c.Version(t.Context()); !errors.As(err, &e) || e.RetryAfter != time.Hour || len(s.bodies) != 1 {
		t.Errorf("an hour: %v after %d requests", err, len(s.bodies))
	}
}

func TestRefusalsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for code, is := range map[int]func(error) bool{
		404: client.IsNotFound, 409: client.IsConflict, 422: client.IsInvalid, 413: client.IsInvalid, 403: client.IsDenied,
		401: client.IsUnauthenticated,
	} {
		c, s := scriptedClient(t, status(code, "X-Request-ID", "r1"))
		_, err := c.Version(t.Context())
		var e *client.Error
		if !errors.As(err, &e) || !is(err) || len(s.bodies) != 1 || e.RequestID != "r1" || err.Error() != "f: said so" {
			t.Errorf("%d: %v after %d requests", code, err, len(s.bodies))
		}
	}
	c, s := scriptedClient(t, status(503), status(503))
	if _, err := c.Verify(t.Context(), "tasks"); !client.IsUnavailable(err) || len(s.bodies) != 1 {
		t.Errorf("a request without a key was repeated: %v after %d", err, len(s.bodies))
	}
}

func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	page := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(code)
			fmt.Fprint(w, "<html>")
		}
	}
	c, _ := scriptedClient(t, page(404), page(200))
	if _, err := c.Version(t.Context()); !client.IsNotFound(err) || !strings.Contains(err.Error(), "not one of a mesh") {
		t.Errorf("a web page: %v", err)
	}
	if _, err := c.Version(t.Context()); err == nil {
		t.Error("a web page passed for an answer")
	}
}
