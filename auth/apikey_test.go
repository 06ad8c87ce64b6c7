package auth_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/auth"
)

// TestSecrets: every secret has 256 bits of its own, and what is kept of it is
// not the secret.
func TestSecrets(t *testing.T) {
	t.Parallel()
	seen, ones := map[string]bool{}, make([]int, 256)
	const many = 2000
	for range many {
		secret, verifier := auth.NewSecret()
		raw, err := base64.RawURLEncoding.DecodeString(secret)
		if err != nil || len(raw) != 32 || seen[secret] || verifier != auth.Verifier(secret) || strings.Contains(verifier, secret) {
			t.Fatalf("secret of %d bytes, seen before: %t, %v", len(raw), seen[secret], err)
		}
		seen[secret] = true
		for i := range ones {
			ones[i] += int(raw[i/8] >> (i % 8) & 1)
		}
	}
	for i, n := range ones { // nine standard deviations around one half
		if n < many/2-200 || n > many/2+200 {
			t.Errorf("bit %d is set in %d of %d secrets", i, n, many)
		}
	}
}

func TestAPIKeysAreFresh(t *testing.T) {
	t.Parallel()
	form, seen := regexp.MustCompile(`^mk_[0-9a-f]{24}_[A-Za-z0-9_-]{43}$`), map[string]bool{}
	for range 200 {
		key, id, verifier := auth.NewAPIKey()
		if !form.MatchString(key) || seen[id] || seen[key] || !strings.Contains(key, id) || verifier != auth.Verifier(key[len("mk_")+len(id)+1:]) {
			t.Errorf("key of id %s", id)
		}
		seen[id], seen[key] = true, true
	}
}
