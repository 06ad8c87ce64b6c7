package password_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/domain"
)

// cheap parameters keep tests fast.
var cheap = password.Params{Memory: 64, Passes: 1, Lanes: 1}

func hasher(t rapid.TB, c password.Config) *password.Hasher {
	t.Helper()
	h, err := password.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func failed(t rapid.TB, err error, kind domain.Kind, code string) *domain.Error {
	t.Helper()
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code {
		t.Fatalf("error = %v, want %s %s", err, kind, code)
	}
	return e
}

func verify(t rapid.TB, h *password.Hasher, verifier, text string) (ok, stale bool) {
	t.Helper()
	ok, stale, err := h.Verify(context.Background(), verifier, text)
	if err != nil {
		t.Fatal(err)
	}
	return ok, stale
}

func TestOnlyThePasswordVerifies(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Config{Params: cheap})
	rapid.Check(t, func(t *rapid.T) {
		right := rapid.String().Draw(t, "right")
		wrong := rapid.OneOf(rapid.String(), rapid.Just(right+" "), rapid.Just(" "+right), rapid.Just(right+"\x00")).Draw(t, "wrong")
		if right == wrong {
			t.Skip("the same")
		}
		v, err := h.Hash(t.Context(), right)
		if err != nil {
			t.Fatal(err)
		}
		if ok, stale := verify(t, h, v, right); !ok || stale {
			t.Fatalf("the right one: ok %v, stale %v", ok, stale)
		}
		if ok, _ := verify(t, h, v, wrong); ok {
			t.Fatalf("%q verifies as %q", wrong, right)
		}
		if again, _ := h.Hash(t.Context(), right); again == v {
			t.Fatal("the same salt twice")
		}
	})
}

func TestDefaultsAreOWASPs(t *testing.T) {
	t.Parallel()
	v, err := hasher(t, password.Config{}).Hash(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(v, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%s, %v", v, err)
	}
}

// TestVerifiersOfTheReferenceImplementation: the strings are from the tests of
// phc-winner-argon2 (src/test.c), which made them in C.
func TestVerifiersOfTheReferenceImplementation(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Config{})
	for _, c := range []struct{ verifier, password string }{
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
		{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94", "differentpassword"},
		{"$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw", "password"},
	} {
		if ok, stale := verify(t, h, c.verifier, c.password); !ok || !stale {
			t.Errorf("%s: ok %v, stale %v, want both (the salt is short)", c.verifier, ok, stale)
		}
	}
}

func TestStaleIsWhatIsWeakerThanToday(t *testing.T) {
	t.Parallel()
	today := password.Params{Memory: 128, Passes: 2, Lanes: 1}
	h := hasher(t, password.Config{Params: today})
	for _, c := range []struct {
		params password.Params
		stale  bool
	}{
		{today, false},
		{password.Params{Memory: 127, Passes: 2, Lanes: 1}, true},
		{password.Params{Memory: 128, Passes: 1, Lanes: 1}, true},
		{password.Params{Memory: 256, Passes: 1, Lanes: 1}, true},
		{password.Params{Memory: 256, Passes: 3, Lanes: 1}, false},
		{password.Params{Memory: 128, Passes: 2, Lanes: 4}, false},
	} {
		v, err := hasher(t, password.Config{Params: c.params}).Hash(t.Context(), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		if ok, stale := verify(t, h, v, "correct horse"); !ok || stale != c.stale {
			t.Errorf("%+v: ok %v, stale %v, want %v", c.params, ok, stale, c.stale)
		}
	}
}

func TestComposedAndDecomposedAreOnePassword(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Config{Params: cheap})
	composed, decomposed, compatible := "caf\u00e9 cr\u00e8me \ufb01", "cafe\u0301 cre\u0300me \ufb01", "caf\u00e9 cr\u00e8me fi"
	v, err := h.Hash(t.Context(), decomposed)
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := verify(t, h, v, composed); !ok {
		t.Error("the composed form differs")
	}
	if ok, _ := verify(t, h, v, compatible); ok {
		t.Error("a ligature is taken for its letters")
	}
	// Of the bytes "caf\xc3\xa9 otter", computed apart from this package.
	const kept = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$Bv7uXbGkQGKJvwZRwU4bEcVExaNUmJxt3W6HZ0PGTzc"
	if ok, _ := verify(t, h, kept, "cafe\u0301 otter"); !ok {
		t.Error("the form that is hashed is not C")
	}
}

func TestTooLongIsNeverRight(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Config{Params: cheap})
	long := strings.Repeat("a", 4096)
	v, err := h.Hash(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := verify(t, h, v, long); !ok {
		t.Error("4096 bytes are refused")
	}
	if ok, _ := verify(t, h, v, long+"a"); ok {
		t.Error("a password is cut")
	}
	_, err = h.Hash(t.Context(), long+"a")
	failed(t, err, domain.Invalid, "invalid_field")
}

func TestSlotsAreBounded(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Config{Params: cheap, Slots: 2})
	release := []func(){h.Occupy(), h.Occupy()}

	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	go func() { _, err := h.Hash(ctx, "x"); errs <- err }()
	go func() { _, _, err := h.Verify(ctx, golden, "x"); errs <- err }()
	go func() { errs <- h.Burn(ctx) }()
	select {
	case err := <-errs:
		t.Fatalf("a third hashing got a slot: %v", err)
	default:
	}
	cancel()
	for range 3 {
		e := failed(t, <-errs, domain.Unavailable, "busy")
		if !errors.Is(e, context.Canceled) {
			t.Errorf("cause = %v", e.Err)
		}
	}
	go func() { errs <- h.Burn(t.Context()) }()
	release[0]()
	if err := <-errs; err != nil {
		t.Fatalf("with a free slot: %v", err)
	}
	release[1]()
	for range 20 { // free slots are not for a context that has ended
		failed(t, h.Burn(ctx), domain.Unavailable, "busy")
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Config{Params: cheap, Slots: 2})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if ok, _ := verify(t, h, golden, "password"); !ok {
				t.Error("refused")
			}
			if err := h.Burn(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	h.Occupy()()
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []password.Config{
		{Params: cheap, Slots: -1},
		{Params: password.Params{Memory: 7, Passes: 1, Lanes: 1}},
		{Params: password.Params{Memory: 31, Passes: 1, Lanes: 4}},
		{Params: password.Params{Memory: 131073, Passes: 1, Lanes: 1}},
		{Params: password.Params{Memory: 64, Lanes: 1}},
		{Params: password.Params{Memory: 64, Passes: 17, Lanes: 1}},
		{Params: password.Params{Memory: 64, Passes: 1}},
		{Params: password.Params{Memory: 1024, Passes: 1, Lanes: 17}},
	} {
		_, err := password.New(c)
		failed(t, err, domain.Invalid, "invalid_field")
	}
}

func BenchmarkHash(b *testing.B) {
	h := hasher(b, password.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "correct horse battery staple"); err != nil {
			b.Fatal(err)
		}
	}
}
