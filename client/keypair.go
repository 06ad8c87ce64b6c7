package client

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
)

// KeyPair is the identity of an agent: a key that it made when it joined, and
// which never leaves it.
type KeyPair struct {
	Tenant     string             `json:"tenant"`
	Principal  string             `json:"principal"`
	Name       string             `json:"name"`
	Credential string             `json:"credential"` // id of the key
	Audience   string             `json:"audience"`   // the mesh that it was enrolled with
	Private    ed25519.PrivateKey `json:"private_key"`
}

// Join makes a key pair and enrols it with an agent's invitation (join token).
// name is needed unless the invitation says it.
func Join(ctx context.Context, c *Client, invitation, name string) (KeyPair, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return KeyPair{}, fmt.Errorf("make a key pair: %w", err)
	}
	in, err := c.Accept(ctx, AcceptRequest{Invitation: invitation, Name: name, PublicKey: encodeRaw(public)})
	return KeyPair{
		Tenant: in.Tenant, Principal: in.Principal, Name: in.Name, Credential: in.Credential, Audience: in.Audience, Private: private,
	}, err
}

// Source returns a Source of access tokens of a key pair, from the mesh that c
// speaks to: c needs no credential of its own. A token is changed for a new one
// when two thirds of its life are over.
func (k KeyPair) Source(c *Client) Source {
	s := &keySource{pair: k, mesh: c}
	return s.token
}

// keySource keeps the token that is good now.
type keySource struct {
	pair KeyPair
	mesh *Client

	mu     sync.Mutex
	access string
	renew  time.Time
}

func (s *keySource) token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.renew) {
		return s.access, nil
	}
	assertion, err := s.pair.assert(now)
	if err != nil {
		return "", err
	}
	t, err := s.mesh.Assert(ctx, AssertionRequest{Assertion: assertion, Client: s.mesh.agent})
	if err != nil {
		return "", fmt.Errorf("log in by the key of %s: %w", s.pair.Name, err)
	}
	s.access, s.renew = t.AccessToken, now.Add(time.Duration(t.ExpiresIn)*time.Second*2/3)
	return s.access, nil
}

// assert returns a statement of the agent about itself that counts for a
// minute: a JWT signed by its key (RFC 7523, RFC 8037).
func (k KeyPair) assert(now time.Time) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "EdDSA", "typ": "client-authentication+jwt", "kid": k.Credential})
	if err != nil {
		return "", fmt.Errorf("encode assertion: %w", err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": k.Principal, "sub": k.Principal, "aud": k.Audience, "jti": uuid.NewString(),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("encode assertion: %w", err)
	}
	if len(k.Private) != ed25519.PrivateKeySize {
		return "", fmt.Errorf("the identity of %q holds no Ed25519 key", k.Name)
	}
	signed := encodeRaw(header) + "." + encodeRaw(claims)
	return signed + "." + encodeRaw(ed25519.Sign(k.Private, []byte(signed))), nil
}

func encodeRaw(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
