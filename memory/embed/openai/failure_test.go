package openai_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/memory/embed/openai"
)

// failure embeds texts and returns how it failed, which must not show the key.
func failure(t *testing.T, e *openai.Embedder, texts ...string) *embed.Failure {
	t.Helper()
	got, err := e.Embed(t.Context(), texts)
	var f *embed.Failure
	if !errors.As(err, &f) || got != nil {
		t.Fatalf("%v, error %v: want a failure alone", got, err)
	}
	if s := fmt.Sprintf("%v %+v %#v", err, f, f); strings.Contains(s, secret) {
		t.Fatalf("the key is shown: %s", s)
	}
	return f
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		after  string
		code   embed.Code
		retry  bool
		wait   time.Duration
		says   string
	}{
		{429, "7", embed.Limited, true, 7 * time.Second, "too many"},
		{429, "0.5", embed.Limited, true, time.Second / 2, ""},
		{429, "Wed, 21 Oct 2026 07:30:00 GMT", embed.Limited, true, 2 * time.Minute, ""},
		{429, "Wed, 21 Oct 2020 07:30:00 GMT", embed.Limited, true, 0, ""},
		{429, "", embed.Limited, true, 0, ""},
		{429, "soon", embed.Limited, true, 0, ""},
		{429, "-4", embed.Limited, true, 0, ""},
		{429, "NaN", embed.Limited, true, 0, ""},
		{429, "99999999999", embed.Limited, true, time.Hour, ""},
		{500, "", embed.Overloaded, true, 0, "some_error"},
		{502, "", embed.Overloaded, true, 0, ""},
		{503, "3", embed.Overloaded, true, 3 * time.Second, ""},
		{501, "", embed.Refused, false, 0, "model"},
		{400, "", embed.Refused, false, 0, "dimensions"},
		{401, "9", embed.Refused, false, 0, "check the key"},
		{403, "", embed.Refused, false, 0, "rights"},
		{404, "", embed.Refused, false, 0, "/v1"},
		{408, "", embed.Timeout, true, 0, ""},
		{413, "", embed.Refused, false, 0, "smaller"},
		{204, "", embed.BadAnswer, true, 0, ""},
	} {
		t.Run(fmt.Sprint(tt.status, tt.after), func(t *testing.T) {
			t.Parallel()
			e := start(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", "Wed, 21 Oct 2026 07:28:00 GMT")
				if tt.after != "" {
					w.Header().Set("Retry-After", tt.after)
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, `{"error":{"message":"Incorrect key `+secret+`","code":null,"type":"some_error"}}`)
			}, nil)
			f := failure(t, e, "a")
			if f.Code != tt.code || f.Retry != tt.retry || f.After != tt.wait || f.Status != tt.status || !strings.Contains(f.Reason, tt.says) {
				t.Errorf("got %+v, want %s, retry %v after %v, saying %q", f, tt.code, tt.retry, tt.wait, tt.says)
			}
		})
	}
}

func TestBadAnswers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("1,", 4000) + "1"
	for name, tt := range map[string]struct {
		body, says string
		final      bool // repeating does not help
	}{
		"too few":        {body: `{"data":[{"index":0,"embedding":[1,0,0]}]}`, says: "1 vectors for 2"},
		"too many":       {body: `{"data":[{"embedding":[1,0,0]},{"embedding":[1,0,0]},{"embedding":[1,0,0]}]}`, says: "3 vectors for 2"},
		"none":           {body: `{}`, says: "0 vectors"},
		"dimensions":     {body: `{"data":[{"embedding":[1,0]},{"embedding":[1,0]}]}`, says: "2 numbers, not 3", final: true},
		"mixed":          {body: `{"data":[{"embedding":[1,0,0]},{"embedding":[1,0,0,0]}]}`, says: "4 numbers, not 3", final: true},
		"no numbers":     {body: `{"data":[{"embedding":[]},{"embedding":[1,0,0]}]}`, says: "0 numbers"},
		"many numbers":   {body: `{"data":[{"embedding":[` + long + `]},{"embedding":[1,0,0]}]}`, says: "4001 numbers"},
		"index twice":    {body: `{"data":[{"index":1,"embedding":[1,0,0]},{"index":1,"embedding":[1,0,0]}]}`, says: "index 1"},
		"index outside":  {body: `{"data":[{"index":0,"embedding":[1,0,0]},{"index":2,"embedding":[1,0,0]}]}`, says: "index 2"},
		"index negative": {body: `{"data":[{"index":-1,"embedding":[1,0,0]},{"index":0,"embedding":[1,0,0]}]}`, says: "index -1"},
		"index missing":  {body: `{"data":[{"index":0,"embedding":[1,0,0]},{"embedding":[1,0,0]}]}`, says: "no index"},
		"NaN":            {body: `{"data":[{"embedding":[NaN,0,0]},{"embedding":[1,0,0]}]}`, says: "not the JSON"},
		"null":           {body: `{"data":[{"embedding":[null,1,0]},{"embedding":[1,0,0]}]}`, says: "null"},
		"infinite":       {body: `{"data":[{"embedding":[1e999,0,0]},{"embedding":[1,0,0]}]}`, says: "not the JSON"},
		"zeros":          {body: `{"data":[{"embedding":[1,0,0]},{"embedding":[0,0,0]}]}`, says: "only zeros"},
		"truncated":      {body: `{"data":[{"embedding":[1,0,0]},{"embedding":[1,0`, says: "cut off"},
		"empty":          {body: ``, says: "cut off"},
		"HTML":           {body: `<html>Welcome</html>`, says: "not the JSON"},
		"oversized":      {body: `{"data":[` + strings.Repeat(" ", 1<<20) + `]}`, says: "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := failure(t, start(t, says(tt.body), nil), "a", "b")
			if f.Code != embed.BadAnswer || f.Retry == tt.final || f.Status != 0 && f.Status != 200 || !strings.Contains(f.Reason, tt.says) {
				t.Errorf("got %+v: want a bad answer that says %q", f, tt.says)
			}
		})
	}
}

func TestAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	e := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5000")
		io.WriteString(w, `{"data":[`)
	}, nil)
	if f := failure(t, e, "a"); f.Code != embed.BadAnswer || !f.Retry || !strings.Contains(f.Reason, "ended early") {
		t.Errorf("got %+v", f)
	}
}

func TestTimeoutAndCaller(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	defer close(stop) // runs before the server is closed
	hang := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.(http.Flusher).Flush() // the head arrives, the body never does
		select {
		case <-r.Context().Done():
		case <-stop:
		}
	}
	e := start(t, hang, func(c *openai.Config) { c.Timeout = 30 * time.Millisecond })
	if f := failure(t, e, "a"); f.Code != embed.Timeout || !f.Retry {
		t.Errorf("got %+v", f)
	}
	patient := start(t, hang, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	var f *embed.Failure
	if _, err := patient.Embed(ctx, []string{"a"}); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &f) {
		t.Errorf("the caller's end is blamed on the endpoint: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(says(""))
	s.Close()
	e := start(t, says(""), func(c *openai.Config) { c.BaseURL = s.URL })
	if f := failure(t, e, "a"); f.Code != embed.Unreachable || !f.Retry || f.Status != 0 {
		t.Errorf("got %+v", f)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(says(""))
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	e := start(t, says(""), func(c *openai.Config) { c.BaseURL = s.URL })
	if f := failure(t, e, "a"); f.Code != embed.Refused || f.Retry || !strings.Contains(f.Reason, "certificate") {
		t.Errorf("got %+v", f)
	}
}

func TestRedirectGetsNoKey(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed, with key %v", r.Header.Get("Authorization") != "")
	}))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 307, 308} {
		e := start(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) }, nil)
		if f := failure(t, e, "a"); f.Code != embed.Refused || f.Retry || f.Status != status {
			t.Errorf("got %+v", f)
		}
	}
}
