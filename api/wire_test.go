package api_test

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// testSmuggling: where one request ends and the next begins has one reading.
func testSmuggling(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	smuggled := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, c := range map[string]struct {
		headers string
		body    string
		status  int
	}{
		"two lengths":                 {"Content-Length: 2\r\nContent-Length: 40\r\n", "{}" + smuggled, 400},
		"a length that is none":       {"Content-Length: +2\r\n", "{}" + smuggled, 400},
		"chunked twice":               {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + smuggled, 501},
		"an encoding nobody knows":    {"Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + smuggled, 501},
		"a space before the colon":    {"Content-Length : 2\r\n", "{}" + smuggled, 400},
		"a line that is folded":       {"X-A: b\r\n Content-Length: 40\r\nContent-Length: 2\r\n", "{}", 0},
		"chunked, and a length":       {"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "2\r\n{}\r\n0\r\n\r\n", 0},
		"a chunk's size that is none": {"Transfer-Encoding: chunked\r\n", "0x2\r\n{}\r\n0\r\n\r\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := raw(t, m, "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+c.headers+"\r\n"+c.body)
			switch {
			case len(answers) != 1:
				t.Errorf("%d answers: %v", len(answers), answers)
			case c.status != 0 && answers[0] != c.status || answers[0] < 400:
				t.Errorf("%v, want %d", answers, c.status)
			}
		})
	}
}

// raw sends bytes and nothing more, and returns the statuses of the answers.
func raw(t *testing.T, m *apitest.Mesh, text string) (statuses []int) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(m.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses
		}
		if _, err := in.Discard(int(max(0, res.ContentLength))); err != nil && res.ContentLength > 0 {
			t.Error(err)
		}
		_ = res.Body.Close()
		statuses = append(statuses, res.StatusCode)
	}
}

// testHostileText: text that means something in HTML, JSON, SQL, a shell or a
// header comes back as the text that it is.
func testHostileText(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	hostile := "</script><img src=x onerror=alert(1)>\"'; DROP TABLE x; --\\ $(id) `id` {{7*7}} %s%n \r\nSet-Cookie: a=b\u2028\u202e"
	input, err := json.Marshal(map[string]string{"text": hostile})
	if err != nil {
		t.Fatal(err)
	}
	made := submit(t, m, client.SubmitRequest{Input: input, Labels: map[string]string{"note": "</script>'\"--"}})
	task, err := m.Client.Task(t.Context(), made.ID, made.Position)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]string
	if err := json.Unmarshal(task.Input.Inline, &back); err != nil || back["text"] != hostile || task.Labels["note"] != "</script>'\"--" {
		t.Errorf("%q, %v, labels %q", back["text"], err, task.Labels)
	}
	r := ask(t, m, "GET", "/v1/tasks/"+made.ID, "")
	if !json.Valid(r.body) || r.header.Get("Set-Cookie") != "" {
		t.Errorf("%v %s", r.header, r.body)
	}
	for _, path := range []string{"/v1/%0d%0aSet-Cookie:%20a=b", "/v1/%3Cscript%3Ealert(1)%3C/script%3E", "/v1/agents/%0d%0aSet-Cookie:%20a=b", "/v1/agents/%22%7D%2C%22x%22%3A%22"} {
		r := ask(t, m, "GET", path, "")
		if r.status != http.StatusNotFound && r.status != http.StatusUnprocessableEntity || !json.Valid(r.body) || strings.Contains(string(r.body), "<script>") ||
			r.header.Get("Set-Cookie") != "" || r.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %v %s", path, r.status, r.header, r.body)
		}
	}
	if id := ask(t, m, "GET", "/healthz", "", "X-Request-ID", "<b>x</b>").header.Get("X-Request-ID"); strings.Contains(id, "<") {
		t.Errorf("the request's own id comes back as %q", id)
	}
}
