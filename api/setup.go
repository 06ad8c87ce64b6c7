package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
)

// setupHTML is the page on which the first person comes in. The invitation
// stands behind the # of its address, which browsers do not send.
//
//go:embed pages/setup.html
var setupHTML []byte

// setupPage serves the page; only its own script and style may run on it.
func setupPage(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; object-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "+
		"script-src '"+digestOf(setupHTML, "script")+"'; style-src '"+digestOf(setupHTML, "style")+"'")
	_, _ = w.Write(setupHTML) // the client may be gone
}

// digestOf returns the source expression of the page's one element of a kind
// (CSP 3, section 6.7.2.4).
func digestOf(page []byte, element string) string {
	_, rest, _ := bytes.Cut(page, []byte("<"+element+">"))
	text, _, _ := bytes.Cut(rest, []byte("</"+element+">"))
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
