package api_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
)

// A client that writes all of its body before it reads gets the answer also
// when the body was refused at its beginning.
func TestRefusedBodyIsRead(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(t.Context(), "tcp", strings.TrimPrefix(m.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	const size = 15 << 20
	fmt.Fprintf(conn, "POST /v1/tasks/batch HTTP/1.1\r\nHost: mesh\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", m.Token, size)
	if _, err := conn.Write(bytes.Repeat([]byte("["), size)); err != nil {
		t.Fatalf("the body could not be written: %v", err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d", res.StatusCode)
	}
}
