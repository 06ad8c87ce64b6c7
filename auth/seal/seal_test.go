package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/auth/seal"
	"github.com/hivemesh/hivemesh/domain"
)

const secret = "JBSWY3DPEHPK3PXP"

func ring(t rapid.TB, current string, keys map[string][]byte) *seal.Keyring {
	t.Helper()
	k, err := seal.New(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func fresh(t rapid.TB) *seal.Keyring {
	t.Helper()
	id, key := seal.NewKey()
	return ring(t, id, map[string][]byte{id: key})
}

// golden returns a ring with a known key and a text sealed under it for the
// place totp/ann, computed apart from this package with OpenSSL's AES-GCM.
func golden(t rapid.TB) (k *seal.Keyring, text string) {
	t.Helper()
	key := make([]byte, seal.KeySize)
	for i := range key {
		key[i] = byte(i)
	}
	return ring(t, "gold", map[string][]byte{"gold": key}),
		"v1.gold.ZGVmZ2hpamtsbW5vAlmNMSDaEs57Kg-j6TUyrQvfwRqn0r8JzQw0WbFBLEQ"
}

// refused checks that err says nothing but that the text does not open.
func refused(t rapid.TB, err error, content ...string) {
	t.Helper()
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != domain.Internal || e.Code != "unseal" {
		t.Fatalf("error = %#v, want internal unseal", err)
	}
	for _, c := range content {
		if text := fmt.Sprintf("%v %v", err, e.Err); strings.Contains(text, c) {
			t.Fatalf("error %q tells %q", text, c)
		}
	}
}

func TestOpenGivesBackWhatWasSealed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		place := rapid.String().Draw(t, "place")
		k := fresh(t)
		text := k.Seal(plain, place)
		if !strings.HasPrefix(text, "v1."+k.Current()+".") {
			t.Fatalf("text = %s", text)
		}
		if again := k.Seal(plain, place); again == text {
			t.Fatal("the same nonce twice")
		}
		got, err := k.Open(text, place)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Open = %x, %v, want %x", got, err, plain)
		}
	})
}

func TestTheGoldenTextOpens(t *testing.T) {
	t.Parallel()
	k, text := golden(t)
	if got, err := k.Open(text, "totp/ann"); err != nil || string(got) != secret {
		t.Fatalf("Open = %q, %v", got, err)
	}
}

func TestAnyChangeOfTheTextIsRefused(t *testing.T) {
	t.Parallel()
	k := fresh(t)
	text := k.Seal([]byte(secret), "totp/ann")
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(text)
		switch i := rapid.IntRange(0, len(b)-1).Draw(t, "at"); rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			b[i] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
		case 1:
			b = append(b[:i:i], b[i+1:]...)
		case 2:
			b = append(append(b[:i:i], rapid.SampledFrom([]byte("\r\n= A.")).Draw(t, "insert")), text[i:]...)
		}
		if string(b) == text {
			t.Skip("no change")
		}
		_, err := k.Open(string(b), "totp/ann")
		refused(t, err, secret, string(b))
	})
}

func TestASealedTextOpensOnlyInItsPlace(t *testing.T) {
	t.Parallel()
	k := fresh(t)
	text := k.Seal([]byte(secret), "totp/ann")
	for _, place := range []string{"", "totp/bob", "totp/ann ", "totp/an", "oidc/ann"} {
		_, err := k.Open(text, place)
		refused(t, err, secret, text)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	oldID, oldKey := seal.NewKey()
	newID, newKey := seal.NewKey()
	before := ring(t, oldID, map[string][]byte{oldID: oldKey})
	both := ring(t, newID, map[string][]byte{oldID: oldKey, newID: newKey})
	after := ring(t, newID, map[string][]byte{newID: newKey})

	text := before.Seal([]byte(secret), "totp/ann")
	if got, err := both.Open(text, "totp/ann"); err != nil || string(got) != secret {
		t.Fatalf("open with the older key: %q, %v", got, err)
	}
	_, err := after.Open(text, "totp/ann")
	refused(t, err, secret, oldID)

	relabelled := strings.Replace(text, oldID, newID, 1)
	_, err = both.Open(relabelled, "totp/ann")
	refused(t, err, secret)
}

func TestTheKeyIDIsAuthenticated(t *testing.T) {
	t.Parallel()
	_, key := seal.NewKey()
	k := ring(t, "a", map[string][]byte{"a": key, "b": key})
	_, err := k.Open(strings.Replace(k.Seal([]byte(secret), "p"), "v1.a.", "v1.b.", 1), "p")
	refused(t, err)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	_, key := seal.NewKey()
	for name, c := range map[string]struct {
		current string
		keys    map[string][]byte
	}{
		"no keys":         {"a", nil},
		"current unknown": {"a", map[string][]byte{"b": key}},
		"short key":       {"a", map[string][]byte{"a": key[:16]}},
		"long key":        {"a", map[string][]byte{"a": append(key[:32:32], 0)}},
		"empty id":        {"", map[string][]byte{"": key}},
		"dot in id":       {"a.b", map[string][]byte{"a.b": key}},
		"zero in id":      {"a\x00", map[string][]byte{"a\x00": key}},
		"long id":         {strings.Repeat("a", 33), map[string][]byte{strings.Repeat("a", 33): key}},
	} {
		var e *domain.Error
		if _, err := seal.New(c.current, c.keys); !errors.As(err, &e) || e.Code != "bad_keyring" || e.Kind != domain.Internal {
			t.Errorf("%s: error = %v, want bad_keyring", name, err)
		}
	}
}

func TestAKeyringDoesNotPrintItsKeys(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdefghijklmnopqrstuv")
	k := ring(t, "a", map[string][]byte{"a": key})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		got := fmt.Sprintf(verb, k)
		if strings.Contains(got, "0123456789") || strings.Contains(got, "48 49 50 51") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

// FuzzOpen: no text that was not sealed opens, none makes Open panic.
func FuzzOpen(f *testing.F) {
	k, sealed := golden(f)
	f.Add(sealed, "totp/ann")
	f.Add(sealed, "totp/bob")
	f.Add("v1.gold.", "")
	f.Add("v1.gold.AAAA", "")
	f.Add("v1..", "totp/ann")
	f.Add("v2."+strings.TrimPrefix(sealed, "v1."), "totp/ann")
	f.Add(sealed+"\n", "totp/ann")
	f.Fuzz(func(t *testing.T, text, place string) {
		got, err := k.Open(text, place)
		if text == sealed && place == "totp/ann" {
			if err != nil || string(got) != secret {
				t.Fatalf("the sealed text: %q, %v", got, err)
			}
			return
		}
		refused(t, err, secret)
		if got != nil {
			t.Fatalf("a forged text opened: %x", got)
		}
	})
}
