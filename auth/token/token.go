package token

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Lifetime is how long an access token counts.
const Lifetime = 15 * time.Minute

// Limits of what is accepted.
const (
	MaxToken    = 8 << 10        // bytes
	MaxLifetime = 24 * time.Hour // between iat and exp
	Leeway      = 5 * time.Second
)

// The sorts of tokens, as they stand in typ.
const (
	typAccess    = "at+jwt"
	typAssertion = "client-authentication+jwt"
)

// Claims is what an access token says.
type Claims struct {
	Issuer   string
	Audience string
	Subject  string // principal
	Client   string // program that it was issued to
	Tenant   string
	Session  string
	ID       string
	Scope    string // permissions that it is limited to, separated by spaces; empty = not limited
	Actor    string // agent that acts for the subject
	IssuedAt time.Time
	Expires  time.Time
}

// wire is Claims as they travel.
type wire struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Client   string `json:"client_id,omitempty"`
	Tenant   string `json:"tenant,omitempty"`
	Session  string `json:"sid,omitempty"`
	ID       string `json:"jti"`
	Scope    string `json:"scope,omitempty"`
	Actor    *actor `json:"act,omitempty"`
	IssuedAt int64  `json:"iat"` // seconds since 1970, whole
	Expires  int64  `json:"exp"`
	NotYet   int64  `json:"nbf,omitempty"`
}

// actor is the party that acts for the subject (RFC 8693, section 4.1).
type actor struct {
	Subject string `json:"sub"`
}

func (c Claims) wire() wire {
	w := wire{
		Issuer: c.Issuer, Audience: c.Audience, Subject: c.Subject, Client: c.Client, Tenant: c.Tenant, Session: c.Session,
		ID: c.ID, Scope: c.Scope, IssuedAt: c.IssuedAt.Unix(), Expires: c.Expires.Unix(),
	}
	if c.Actor != "" {
		w.Actor = &actor{Subject: c.Actor}
	}
	return w
}

func (w wire) claims() Claims {
	c := Claims{
		Issuer: w.Issuer, Audience: w.Audience, Subject: w.Subject, Client: w.Client, Tenant: w.Tenant, Session: w.Session,
		ID: w.ID, Scope: w.Scope, IssuedAt: time.Unix(w.IssuedAt, 0), Expires: time.Unix(w.Expires, 0),
	}
	if w.Actor != nil {
		c.Actor = w.Actor.Subject
	}
	return c
}

// over reports whether the claims count for longer than limit. It counts in
// seconds: a time.Time far away turns over.
func (w wire) over(limit time.Duration) bool {
	return w.Expires-w.IssuedAt > int64(limit/time.Second)
}

// Key is a key that signs.
type Key struct {
	ID      string
	Private ed25519.PrivateKey
}

// Issue signs an access token.
func Issue(k Key, c Claims) (string, error) { return sign(k, typAccess, c) }

// IssueAssertion signs a statement of the key's holder about itself: Subject
// says who, Audience for whom, and it should expire within a minute.
func IssueAssertion(k Key, c Claims) (string, error) {
	c.Issuer = c.Subject
	return sign(k, typAssertion, c)
}

func sign(k Key, typ string, c Claims) (string, error) {
	payload, err := json.Marshal(c.wire())
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	var claims jwt.MapClaims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	t.Header["typ"], t.Header["kid"] = typ, k.ID
	signed, err := t.SignedString(k.Private)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}

// PublicKey is a key that tokens may be signed with.
type PublicKey struct {
	ID  string
	Key ed25519.PublicKey
}
