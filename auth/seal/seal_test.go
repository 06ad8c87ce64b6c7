package seal_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/auth/seal"
)

func ring(t testing.TB, current string, ids ...string) *seal.Keyring {
	t.Helper()
	keys := map[string][]byte{}
	for i, id := range ids {
		keys[id] = bytes.Repeat([]byte{byte(i + 1)}, seal.KeySize)
	}
	k, err := seal.NewKeyring(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	k := ring(t, "1", "1")
	rapid.Check(t, func(t *rapid.T) {
		secret, owner := rapid.SliceOf(rapid.Byte()).Draw(t, "secret"), rapid.String().Draw(t, "owner")
		text := k.Seal(secret, owner)
		got, err := k.Open(text, owner)
		if err != nil || !bytes.Equal(got, secret) {
			t.Fatalf("%x, %v", got, err)
		}
		if _, err := k.Open(text, owner+"x"); err == nil {
			t.Fatal("opened for somebody else")
		}
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		changed := []byte(text)
		changed[at] ^= 1
		if _, err := k.Open(string(changed), owner); err == nil {
			t.Fatalf("opened with byte %d changed", at)
		}
	})
}

func TestOlderKeysOpen(t *testing.T) {
	t.Parallel()
	before, after := ring(t, "1", "1"), ring(t, "2", "1", "2")
	text := before.Seal([]byte("seed"), "alice")
	if got, err := after.Open(text, "alice"); err != nil || string(got) != "seed" {
		t.Errorf("%s, %v", got, err)
	}
	next := after.Seal([]byte("seed"), "alice")
	if !strings.HasPrefix(next, "v1.2.") {
		t.Errorf("sealed as %s", next)
	}
	if _, err := before.Open(next, "alice"); err == nil {
		t.Error("opened without the key")
	}
}

func TestSealsDiffer(t *testing.T) {
	t.Parallel()
	k := ring(t, "1", "1")
	if k.Seal([]byte("same"), "a") == k.Seal([]byte("same"), "a") {
		t.Error("two seals of the same are the same")
	}
}

func TestUnsoundKeys(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]map[string][]byte{
		"short": {"1": make([]byte, 16)}, "missing": {"2": make([]byte, 32)}, "dotted": {"1.1": make([]byte, 32)},
	} {
		if _, err := seal.NewKeyring("1", keys); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k := ring(f, "1", "1")
	f.Add(k.Seal([]byte("x"), "a"))
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := k.Open(text, "b"); err == nil {
			t.Errorf("%q opened as %x", text, got)
		}
	})
}
