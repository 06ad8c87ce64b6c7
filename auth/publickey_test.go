package auth_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/domain"
)

func TestUsualPublicKeysAreTaken(t *testing.T) {
	t.Parallel()
	for range 200 {
		public, _, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := auth.ParsePublicKey(public); err != nil || !got.Equal(public) {
			t.Fatalf("%x: %v", public, err)
		}
	}
}

// forgeable reports whether a signature made without any private key, R the
// neutral point and S zero, is good for some text: the key is of small order.
func forgeable(public []byte) bool {
	signature := make([]byte, ed25519.SignatureSize)
	signature[0] = 1
	for i := range uint32(500) {
		if ed25519.Verify(public, binary.BigEndian.AppendUint32(nil, i), signature) {
			return true
		}
	}
	return false
}

func TestUnsafePublicKeysAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key       string
		forgeable bool
	}{
		"order 1":                 {"0100000000000000000000000000000000000000000000000000000000000000", true},
		"order 2":                 {"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true},
		"order 4":                 {"0000000000000000000000000000000000000000000000000000000000000000", true},
		"order 4, the other":      {"0000000000000000000000000000000000000000000000000000000000000080", true},
		"order 8":                 {"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", true},
		"order 8, the second":     {"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", true},
		"order 8, the third":      {"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", true},
		"order 8, the fourth":     {"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", true},
		"order 1 with a sign":     {"0100000000000000000000000000000000000000000000000000000000000080", true},
		"order 1, another form":   {"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true},
		"order 4, another form":   {"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true},
		"not less than the prime": {"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false},
		"no point of the curve":   {"0200000000000000000000000000000000000000000000000000000000000000", false},
		"one byte short":          {"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc", false},
		"nothing":                 {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := hex.DecodeString(c.key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := auth.ParsePublicKey(raw); domain.KindOf(err) != domain.Invalid {
				t.Errorf("taken: %v", err)
			}
			if len(raw) == ed25519.PublicKeySize && forgeable(raw) != c.forgeable {
				t.Errorf("forgeable: %v", !c.forgeable)
			}
		})
	}
}
