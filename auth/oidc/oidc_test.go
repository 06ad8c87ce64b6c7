package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/auth/oidc"
	"github.com/hivemesh/hivemesh/domain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodRS256, jwt.SigningMethodES256, jwt.SigningMethodEdDSA} {
		t.Run(method.Alg(), func(t *testing.T) {
			t.Parallel()
			r := newRogue(t)
			r.method = method
			got, err := r.logIn(t, provider(t, r.config()))
			if err != nil {
				t.Fatalf("%v (%v)", err, errors.Unwrap(err))
			}
			want := oidc.Identity{
				Provider: "rogue", Tenant: "acme", Issuer: r.URL, Subject: "ada", Name: "ada", Email: "ada@example.com",
				Claims: map[string][]string{"groups": {"staff"}},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRogueTokens(t *testing.T) {
	t.Parallel()
	past, future := time.Now().Add(-time.Second).Unix(), time.Now().Add(time.Hour).Unix()
	claim := func(name string, value any) func(*rogue) {
		return func(r *rogue) { r.claims = map[string]any{name: value} }
	}
	for name, do := range map[string]func(*rogue){
		"alg none":               func(r *rogue) { r.method, r.key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType },
		"alg None":               func(r *rogue) { r.header = map[string]any{"alg": "None"} },
		"HS256, client secret":   func(r *rogue) { r.method, r.key = jwt.SigningMethodHS256, []byte(clientSecret) },
		"HS256, RSA key":         func(r *rogue) { r.method, r.key = jwt.SigningMethodHS256, r.rsa.N.Bytes() },
		"RS512":                  func(r *rogue) { r.method = jwt.SigningMethodRS512 },
		"PS256":                  func(r *rogue) { r.method = jwt.SigningMethodPS256 },
		"RS256 of another's key": func(r *rogue) { r.header = map[string]any{"kid": "PS256"}; r.key = strangersKey() },
		"unknown kid":            func(r *rogue) { r.header = map[string]any{"kid": "../../etc/passwd"} },
		"embedded key": func(r *rogue) {
			r.key = strangersKey()
			r.header = map[string]any{"jwk": r.keys()["keys"].([]map[string]any)[0]}
		},
		"critical header":         func(r *rogue) { r.header = map[string]any{"crit": []string{"x"}, "x": 1} },
		"wrong nonce":             claim("nonce", "of-another-login"),
		"no nonce":                claim("nonce", nil),
		"wrong aud":               claim("aud", "somebody-else"),
		"no aud":                  claim("aud", nil),
		"aud with others, no azp": claim("aud", []string{"mesh", "other"}),
		"azp of another":          func(r *rogue) { r.claims = map[string]any{"aud": []string{"mesh", "other"}, "azp": "other"} },
		"azp of another, one aud": claim("azp", "other"),
		"azp no text":             claim("azp", 7),
		"wrong iss":               claim("iss", "https://accounts.example.com"),
		"no iss":                  claim("iss", nil),
		"expired":                 claim("exp", past),
		"no exp":                  claim("exp", nil),
		"not yet":                 claim("nbf", future),
		"no sub":                  claim("sub", nil),
		"sub with control":        claim("sub", "ada\x00eve"),
		"long sub":                claim("sub", string(make([]byte, 300))),
		"wrong at_hash":           claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"name with control":       claim("preferred_username", "ada\x1b[2J"),
		"no ID token": func(r *rogue) {
			r.token = func(w http.ResponseWriter, _ *http.Request) { send(w, map[string]any{"access_token": "x"}) }
		},
		"ID token no text": func(r *rogue) {
			r.token = func(w http.ResponseWriter, _ *http.Request) {
				send(w, map[string]any{"access_token": "x", "id_token": 7})
			}
		},
		"endless token answer": func(r *rogue) { r.token = flood },
		"endless keys":         func(r *rogue) { r.jwks = flood },
		"keys at a file":       func(r *rogue) { r.discovery = map[string]any{"jwks_uri": "file:///etc/passwd"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRogue(t)
			do(r)
			_, err := r.logIn(t, provider(t, r.config()))
			refused(t, err)
			if r.asked["/token"] != 1 {
				t.Errorf("the code was sent %d times, want once", r.asked["/token"])
			}
		})
	}
}

func TestRogueAnswers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(url.Values){
		"wrong state":   func(q url.Values) { q.Set("state", "AAAAAAAAAAAAAAAAAAAAAAAAAA") },
		"no state":      func(q url.Values) { q.Del("state") },
		"empty state":   func(q url.Values) { q.Set("state", "") },
		"two states":    func(q url.Values) { q.Add("state", q.Get("state")) },
		"other issuer":  func(q url.Values) { q.Set("iss", "https://honest.example.com") },
		"no issuer":     func(q url.Values) { q.Del("iss") },
		"two issuers":   func(q url.Values) { q.Add("iss", q.Get("iss")) },
		"no code":       func(q url.Values) { q.Del("code") },
		"two codes":     func(q url.Values) { q.Add("code", "x") },
		"error":         func(q url.Values) { q.Set("error", "access_denied") },
		"made-up code":  func(q url.Values) { q.Set("code", "AAAA") },
		"error, a code": func(q url.Values) { q.Set("error", "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRogue(t)
			r.answer = change
			_, err := r.logIn(t, provider(t, r.config()))
			refused(t, err)
			if n := r.asked["/token"]; n > 0 && name != "made-up code" {
				t.Errorf("the code was sent to the provider %d times though the answer is not sound", n)
			}
		})
	}
}

func TestIssuerOfTheAnswer(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	r.discovery = map[string]any{"authorization_response_iss_parameter_supported": nil}
	r.answer = func(q url.Values) { q.Del("iss") }
	if _, err := r.logIn(t, provider(t, r.config())); err != nil {
		t.Errorf("a provider that does not name itself is refused: %v (%v)", err, errors.Unwrap(err))
	}
	r.answer = func(q url.Values) { q.Set("iss", "https://honest.example.com") }
	_, err := r.logIn(t, provider(t, r.config()))
	refused(t, err)
}

func TestMixUp(t *testing.T) {
	t.Parallel()
	honest, evil := newRogue(t), newRogue(t)
	h := provider(t, honest.config())
	to, s := begin(t, h)
	back := honest.authorize(t, to)
	_, err := provider(t, evil.config()).Finish(t.Context(), s, back)
	refused(t, err) // answered by another issuer
	otherName, otherTenant := honest.config(), honest.config()
	otherName.Name, otherTenant.Tenant = "other", "other"
	for _, cfg := range []oidc.Config{otherName, otherTenant} {
		_, err := provider(t, cfg).Finish(t.Context(), s, back)
		refused(t, err) // begun at another provider, though of the same issuer
	}
	if n := honest.asked["/token"] + evil.asked["/token"]; n > 0 {
		t.Errorf("the code was sent %d times", n)
	}
	if _, err := h.Finish(t.Context(), s, back); err != nil {
		t.Errorf("the provider that it was begun at refuses it: %v (%v)", err, errors.Unwrap(err))
	}
}

func TestCodeReplay(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	p := provider(t, r.config())
	to, s := begin(t, p)
	back := r.authorize(t, to)
	if _, err := p.Finish(t.Context(), s, back); err != nil {
		t.Fatal(err)
	}
	_, err := p.Finish(t.Context(), s, back)
	refused(t, err)
	other, injected := begin(t, p) // the code of one login in another: PKCE and nonce refuse it
	code := r.authorize(t, to)
	back = r.authorize(t, other)
	back.Set("code", code.Get("code"))
	_, err = p.Finish(t.Context(), injected, back)
	refused(t, err)
}

func TestLoginExpires(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	late := time.Now()
	r.claims = map[string]any{"exp": late.Add(time.Hour).Unix()}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	p, err := oidc.New(r.config(), oidc.Env{HTTP: &http.Client{Transport: transport}, Now: func() time.Time { return late }})
	if err != nil {
		t.Fatal(err)
	}
	to, s := begin(t, p)
	back := r.authorize(t, to)
	late = late.Add(10 * time.Minute)
	_, err = p.Finish(t.Context(), s, back)
	refused(t, err)
	late = late.Add(-time.Second)
	empty := s
	empty.State = ""
	back.Set("state", "")
	_, err = p.Finish(t.Context(), empty, back)
	refused(t, err)
	back.Set("state", s.State)
	if _, err := p.Finish(t.Context(), s, back); err != nil {
		t.Errorf("a second before: %v (%v)", err, errors.Unwrap(err))
	}
}

// TestOnlySafeURLs has an endpoint in the clear that would answer.
func TestOnlySafeURLs(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	r.discovery = map[string]any{"jwks_uri": "http://keys.test/keys"}
	var d net.Dialer
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, r.Listener.Addr().String())
	}}
	t.Cleanup(transport.CloseIdleConnections)
	p, err := oidc.New(r.config(), oidc.Env{HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.logIn(t, p)
	refused(t, err)
	if n := r.asked["/keys"]; n > 0 {
		t.Errorf("keys were read in the clear %d times", n)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	r.token = func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, "/elsewhere", http.StatusTemporaryRedirect)
	}
	_, err := r.logIn(t, provider(t, r.config()))
	refused(t, err)
	if n := r.asked["/elsewhere"]; n > 0 {
		t.Errorf("the code and the secret were sent elsewhere %d times", n)
	}
}

func TestDiscoveryIsCached(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	now := time.Now()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	p, err := oidc.New(r.config(), oidc.Env{HTTP: &http.Client{Transport: transport}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	begin(t, p)
	begin(t, p)
	if n := r.asked["/.well-known/openid-configuration"]; n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	now = now.Add(time.Hour)
	begin(t, p)
	if n := r.asked["/.well-known/openid-configuration"]; n != 2 {
		t.Errorf("asked %d times after an hour, want twice", n)
	}
}

func TestDiscoveryFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change map[string]any
		want   domain.Kind
	}{
		"other issuer":         {map[string]any{"issuer": "https://honest.example.com"}, domain.Invalid},
		"login in the clear":   {map[string]any{"authorization_endpoint": "http://192.0.2.1/authorize"}, domain.Unavailable},
		"login is a script":    {map[string]any{"authorization_endpoint": "javascript:alert(1)"}, domain.Unavailable},
		"no token endpoint":    {map[string]any{"token_endpoint": nil}, domain.Unavailable},
		"tokens in the clear":  {map[string]any{"token_endpoint": "http://192.0.2.1/token"}, domain.Unavailable},
		"plain PKCE only":      {map[string]any{"code_challenge_methods_supported": []string{"plain"}}, domain.Unavailable},
		"endless":              {map[string]any{"x": string(make([]byte, 1<<20))}, domain.Unavailable},
		"not what it is to be": {map[string]any{"token_endpoint_auth_methods_supported": 7}, domain.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRogue(t)
			r.discovery = c.change
			_, _, err := provider(t, r.config()).Begin(t.Context(), redirect)
			if domain.KindOf(err) != c.want {
				t.Errorf("got %v (%v), want %v", err, errors.Unwrap(err), c.want)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	p := provider(t, r.config())
	r.Close()
	_, _, err := p.Begin(t.Context(), redirect)
	if domain.KindOf(err) != domain.Unavailable {
		t.Errorf("got %v, want it unavailable", err)
	}
}

func TestSecretStaysInside(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	to, s := begin(t, provider(t, r.config()))
	text, _ := json.Marshal(s)
	public, _ := json.Marshal(r.config().Public())
	for what, where := range map[string]string{"the URL": to, "the State": string(text), "the public config": string(public)} {
		if u, _ := url.QueryUnescape(where); contains(u, clientSecret) {
			t.Errorf("%s holds the client secret", what)
		}
	}
	if contains(to, s.Verifier) {
		t.Error("the URL holds the PKCE verifier")
	}
}
