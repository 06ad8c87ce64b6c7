package token_test

import (
	"crypto/ed25519"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/auth/token"
)

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock(at time.Time) *clock { return &clock{at: at} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func TestExpiryAfterCaching(t *testing.T) {
	t.Parallel()
	c := newClock(issuedAt)
	v := token.NewVerifier(token.Config{Issuer: issuer, Audience: audience, Key: keys, Now: c.now})
	signed := forge(goodHeader, goodClaims, newKey(1))
	accept(t, v, signed, goodToken())
	c.set(goodToken().Expires.Add(-time.Nanosecond))
	accept(t, v, signed, goodToken())
	c.set(goodToken().Expires)
	refuseAs(t, v, signed, "token_expired")
	refuseAs(t, v, signed, "token_expired")
}

func TestKeyRetiredAfterCaching(t *testing.T) {
	t.Parallel()
	known := map[string]ed25519.PublicKey{keyID: public(newKey(1))}
	v := token.NewVerifier(token.Config{
		Issuer: issuer, Audience: audience, Now: newClock(issuedAt).now,
		Key: func(id string) (ed25519.PublicKey, bool) { k, ok := known[id]; return k, ok },
	})
	signed := forge(goodHeader, goodClaims, newKey(1))
	accept(t, v, signed, goodToken())
	accept(t, v, signed, goodToken())

	delete(known, keyID)
	refuse(t, v, signed)

	known[keyID] = public(newKey(2)) // another key under the same name
	refuse(t, v, signed)
	accept(t, v, forge(goodHeader, goodClaims, newKey(2)), goodToken())

	known[keyID] = public(newKey(1))
	accept(t, v, signed, goodToken())
}

// More tokens than are remembered are presented by several goroutines at once,
// good ones and bad ones, and each is judged by itself.
func TestCacheTurnsOver(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("signs many tokens")
	}
	v := newVerifier(issuedAt)
	signed := forge(goodHeader, goodClaims, newKey(1))
	refused := forge(goodHeader, goodClaims, newKey(2))
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 5000 {
				id := fmt.Sprintf("token-%d-%d", g, i)
				claims := goodToken()
				claims.ID = id
				one, err := token.Issue(token.Key{ID: keyID, Private: newKey(1)}, claims)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := v.Verify(one); err != nil || got.ID != id {
					t.Errorf("%s: %+v, %v", id, got, err)
					return
				}
			}
			if _, err := v.Verify(refused); err == nil {
				t.Error("a token with a bad signature was accepted")
			}
		})
	}
	wg.Wait()
	accept(t, v, signed, goodToken())
}
