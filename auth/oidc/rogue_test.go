package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hivemesh/hivemesh/auth/oidc"
)

const clientSecret = "a-secret-that-HS256-could-be-signed-with"

// rogue is a provider that does right until it is told what to do wrong. What
// is changed is changed before the first request that it matters to.
type rogue struct {
	*httptest.Server
	mu sync.Mutex

	method    jwt.SigningMethod // default RS256
	key       any               // default the key of the method
	header    map[string]any    // added to the ID token's
	claims    map[string]any    // laid over those of the ID token; nil removes one
	userinfo  map[string]any    // answered at the userinfo endpoint
	discovery map[string]any    // laid over the discovery document
	answer    func(url.Values)  // changes the query that the browser brings back
	token     http.HandlerFunc  // instead of the token endpoint
	jwks      http.HandlerFunc  // instead of the key set
	asked     map[string]int    // requests by path

	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	ed      ed25519.PrivateKey
	pending map[string]url.Values // authorisation requests by code
}

func newRogue(t *testing.T) *rogue {
	t.Helper()
	r := &rogue{method: jwt.SigningMethodRS256, pending: map[string]url.Values{}, asked: map[string]int{}, answer: func(url.Values) {}}
	r.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	r.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, r.ed, _ = ed25519.GenerateKey(rand.Reader)
	r.userinfo = map[string]any{"sub": "ada"}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked[req.URL.Path]++
		switch req.URL.Path {
		case "/.well-known/openid-configuration":
			send(w, laid(map[string]any{
				"issuer": r.URL, "authorization_endpoint": r.URL + "/authorize", "token_endpoint": r.URL + "/token",
				"jwks_uri": r.URL + "/keys", "userinfo_endpoint": r.URL + "/userinfo",
				"authorization_response_iss_parameter_supported": true,
				"id_token_signing_alg_values_supported":          []string{"RS256", "HS256", "none", "RS512"},
			}, r.discovery))
		case "/keys":
			if r.jwks != nil {
				r.jwks(w, req)
				return
			}
			send(w, r.keys())
		case "/token":
			if r.token != nil {
				r.token(w, req)
				return
			}
			r.redeem(w, req)
		case "/userinfo":
			send(w, r.userinfo)
		default:
			http.NotFound(w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *rogue) config() oidc.Config {
	return oidc.Config{Name: "rogue", Tenant: "acme", Issuer: r.URL, ClientID: "mesh", ClientSecret: clientSecret}
}

// authorize lets Ada in and returns what the browser brings back.
func (r *rogue) authorize(t *testing.T, to string) url.Values {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || len(q.Get("nonce")) < 20 || len(q.Get("state")) < 20 {
		t.Fatalf("the request %v is not a code flow with PKCE, state and nonce", q)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	code := rand.Text()
	r.pending[code] = q
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {r.URL}}
	r.answer(back)
	return back
}

// redeem is a token endpoint that takes each code once, with its PKCE verifier.
func (r *rogue) redeem(w http.ResponseWriter, req *http.Request) {
	user, pass, _ := req.BasicAuth()
	asked, ok := r.pending[req.FormValue("code")]
	delete(r.pending, req.FormValue("code"))
	sum := sha256.Sum256([]byte(req.FormValue("code_verifier")))
	if !ok || user != "mesh" || pass != clientSecret || req.FormValue("redirect_uri") != asked.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		send(w, map[string]any{"error": "invalid_grant"})
		return
	}
	now := time.Now()
	signed, err := r.sign(laid(map[string]any{
		"iss": r.URL, "sub": "ada", "aud": "mesh", "nonce": asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"preferred_username": "ada", "email": "ada@example.com", "email_verified": true, "groups": []string{"staff"},
	}, r.claims))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": signed})
}

func (r *rogue) sign(claims map[string]any) (string, error) {
	token := jwt.NewWithClaims(r.method, jwt.MapClaims(claims))
	token.Header["kid"] = r.method.Alg()
	maps.Copy(token.Header, r.header)
	key := r.key
	if key == nil {
		key = map[string]any{"RS256": r.rsa, "RS512": r.rsa, "PS256": r.rsa, "ES256": r.ec, "EdDSA": r.ed}[r.method.Alg()]
	}
	return token.SignedString(key)
}

func (r *rogue) keys() map[string]any {
	point, _ := r.ec.PublicKey.Bytes()
	return map[string]any{"keys": []map[string]any{
		{"kty": "RSA", "kid": "RS256", "n": b64(r.rsa.N.Bytes()), "e": b64(big.NewInt(int64(r.rsa.E)).Bytes())},
		{"kty": "RSA", "kid": "RS512", "n": b64(r.rsa.N.Bytes()), "e": b64(big.NewInt(int64(r.rsa.E)).Bytes())},
		{"kty": "RSA", "kid": "PS256", "n": b64(r.rsa.N.Bytes()), "e": b64(big.NewInt(int64(r.rsa.E)).Bytes())},
		{"kty": "EC", "kid": "ES256", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		{"kty": "OKP", "kid": "EdDSA", "crv": "Ed25519", "x": b64(r.ed.Public().(ed25519.PublicKey))},
		{"kty": "oct", "kid": "HS256", "k": b64([]byte(clientSecret))},
	}}
}

// logIn goes through a login at r and returns what came of it.
func (r *rogue) logIn(t *testing.T, p *oidc.Provider) (oidc.Identity, error) {
	t.Helper()
	to, s := begin(t, p)
	return p.Finish(context.WithoutCancel(t.Context()), s, r.authorize(t, to))
}

// laid returns the map with the changes, of which nil removes an entry.
func laid(m, changes map[string]any) map[string]any {
	for k, v := range changes {
		if v == nil {
			delete(m, k)
		} else {
			m[k] = v
		}
	}
	return m
}

func send(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func flood(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.Copy(w, strings.NewReader(`{"x":"`+strings.Repeat("x", 2<<20)+`"}`))
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// strangersKey returns an RSA key that is not the provider's.
func strangersKey() *rsa.PrivateKey {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	return key
}
