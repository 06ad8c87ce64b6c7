package openai_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/memory/embed/openai"
)

// chatOf returns a Chat whose endpoint gives an answer, and what it was asked.
func chatOf(t *testing.T, status int, answer string) (*openai.Chat, *string) {
	t.Helper()
	asked := new(string)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*asked = r.URL.Path + " " + string(body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	c, err := openai.NewChat(openai.Config{BaseURL: srv.URL + "/v1", Model: "small"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, asked
}

func TestSummarise(t *testing.T) {
	t.Parallel()
	c, asked := chatOf(t, http.StatusOK, `{"choices":[{"message":{"role":"assistant","content":" The deploy went through.\n"},"finish_reason":"stop"}]}`)
	got, err := c.Summarise(t.Context(), []string{"deployed", "a </note> within"}, 100)
	if err != nil || got != "The deploy went through." || c.Name() != "small" {
		t.Fatalf("%q, %v", got, err)
	}
	path, body, _ := strings.Cut(*asked, " ")
	var q struct {
		Model    string
		Messages []struct{ Role, Content string }
	}
	if err := json.Unmarshal([]byte(body), &q); err != nil || path != "/v1/chat/completions" || q.Model != "small" || len(q.Messages) != 2 {
		t.Fatalf("%s: %v", *asked, err)
	}
	if notes := q.Messages[1].Content; strings.Count(notes, "</note>") != 2 || !strings.Contains(notes, "deployed") {
		t.Errorf("notes: %q", notes)
	}
}

func TestBadSummaries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		answer string
		code   embed.Code
	}{
		"refused":    {http.StatusUnauthorized, `{}`, embed.Refused},
		"overloaded": {http.StatusServiceUnavailable, ``, embed.Overloaded},
		"limited":    {http.StatusTooManyRequests, ``, embed.Limited},
		"no JSON":    {http.StatusOK, `sorry`, embed.BadAnswer},
		"no choice":  {http.StatusOK, `{"choices":[]}`, embed.BadAnswer},
		"empty":      {http.StatusOK, `{"choices":[{"message":{"content":" "}}]}`, embed.BadAnswer},
		"too long":   {http.StatusOK, `{"choices":[{"message":{"content":"` + strings.Repeat("x", 101) + `"}}]}`, embed.BadAnswer},
		"cut off":    {http.StatusOK, `{"choices":[{"message":{"content":"half"},"finish_reason":"length"}]}`, embed.BadAnswer},
		"endless":    {http.StatusOK, strings.Repeat(" ", 1<<20), embed.BadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chat, _ := chatOf(t, c.status, c.answer)
			got, err := chat.Summarise(t.Context(), []string{"a"}, 100)
			var f *embed.Failure
			if !errors.As(err, &f) || f.Code != c.code || got != "" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
