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

// loginHTML is the page on which a person logs in, with password or passkey,
// lets in the program that shows a code, and looks after their passkeys. The
// access token stays in its memory; leaving the page ends the session.
//
//go:embed pages/login.html
var loginHTML []byte

// htmlPage serves a page; only its own script and style may run on it.
func htmlPage(html []byte) http.HandlerFunc {
	policy := "default-src 'none'; object-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"script-src '" + digestOf(html, "script") + "'; style-src '" + digestOf(html, "style") + "'"
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		_, _ = w.Write(html) // the client may be gone
	}
}

// digestOf returns the source expression of the page's one element of a kind
// (CSP 3, section 6.7.2.4).
func digestOf(page []byte, element string) string {
	_, rest, _ := bytes.Cut(page, []byte("<"+element+">"))
	text, _, _ := bytes.Cut(rest, []byte("</"+element+">"))
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
