package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain/identity"
)

func foldKeyset(events ...identity.KeysetEvent) identity.Keyset {
	var k identity.Keyset
	for i, e := range events {
		k = k.Apply(e, instant(i))
	}
	return k
}

func signing(id string) identity.SigningKey { return identity.SigningKey{ID: id, Public: public} }

func TestKeyset(t *testing.T) {
	t.Parallel()
	type decision func(identity.Keyset) ([]identity.KeysetEvent, error)
	rotate := func(after string, next identity.SigningKey, overlap time.Duration) decision {
		return func(k identity.Keyset) ([]identity.KeysetEvent, error) {
			return k.Rotate(after, next, overlap, instant(30))
		}
	}
	retire := func(id, reason string) decision {
		return func(k identity.Keyset) ([]identity.KeysetEvent, error) { return k.Retire(id, reason) }
	}
	first := identity.KeyRotated{SigningKey: signing("k1")}
	second := identity.KeyRotated{SigningKey: signing("k2"), Previous: "k1", PreviousTo: instant(40)}
	one, two := []identity.KeysetEvent{first}, []identity.KeysetEvent{first, second}
	for _, tt := range []struct {
		name    string
		given   []identity.KeysetEvent
		when    decision
		then    []identity.KeysetEvent
		refusal string
	}{
		{"first", nil, rotate("", signing("k1"), time.Minute), one, ""},
		{"second", one, rotate("k1", signing("k2"), 10*time.Minute), []identity.KeysetEvent{second}, ""},
		{"longest overlap", one, rotate("k1", signing("k2"), identity.MaxOverlap), []identity.KeysetEvent{
			identity.KeyRotated{SigningKey: signing("k2"), Previous: "k1", PreviousTo: instant(30).Add(identity.MaxOverlap)},
		}, ""},
		{"done already", two, rotate("k1", signing("k2"), time.Minute), nil, ""},
		{"done by somebody else", two, rotate("k1", signing("k3"), time.Minute), nil, "key_rotated"},
		{"not a key", one, rotate("k1", identity.SigningKey{ID: "k2", Public: "?"}, time.Minute), nil, "invalid:public"},
		{"a short key", one, rotate("k1", identity.SigningKey{ID: "k2", Public: public[4:]}, time.Minute), nil, "invalid:public"},
		{"no id", one, rotate("k1", signing(""), time.Minute), nil, "invalid:public"},
		{"negative overlap", one, rotate("k1", signing("k2"), -1), nil, "invalid:overlap"},
		{"overlap too long", one, rotate("k1", signing("k2"), identity.MaxOverlap+1), nil, "invalid:overlap"},
		{"retired", two, retire("k1", "stolen"), []identity.KeysetEvent{identity.KeyRetired{Key: "k1", Reason: "stolen"}}, ""},
		{"the one that signs", two, retire("k2", ""), nil, "key_current"},
		{"unknown", two, retire("k3", ""), nil, "key_not_found"},
		{"reason too long", two, retire("k1", strings.Repeat("r", identity.MaxReason+1)), nil, "invalid:reason"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.when(foldKeyset(tt.given...))
			check(t, got, err, tt.then, tt.refusal)
		})
	}
	for _, tt := range []struct {
		name string
		k    identity.Keyset
		id   string
		at   time.Time
		want bool
	}{
		{"current", foldKeyset(two...), "k2", instant(59), true},
		{"the one before", foldKeyset(two...), "k1", instant(39), true},
		{"the one before, too late", foldKeyset(two...), "k1", instant(40), false},
		{"retired", foldKeyset(first, second, identity.KeyRetired{Key: "k1"}), "k1", instant(1), false},
		{"unknown", foldKeyset(two...), "k3", instant(1), false},
	} {
		if raw, ok := tt.k.Key(tt.id, tt.at); ok != tt.want || ok && len(raw) != 32 {
			t.Errorf("%s: %x, %t", tt.name, raw, ok)
		}
	}
	gone := foldKeyset(first, second).Apply(identity.KeyRotated{SigningKey: signing("k3"), Previous: "k2", PreviousTo: instant(59)}, instant(40))
	if _, kept := gone.Keys["k1"]; kept || len(gone.Keys) != 2 {
		t.Errorf("keys after the third rotation: %v", gone.Keys)
	}
}
