package name_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivemesh/hivemesh/domain/name"
)

func TestDecisions(t *testing.T) {
	t.Parallel()
	hold := func(owner string) func(name.Name) ([]name.Event, error) {
		return func(n name.Name) ([]name.Event, error) { return n.Hold(owner) }
	}
	release := func(owner string) func(name.Name) ([]name.Event, error) {
		return func(n name.Name) ([]name.Event, error) { return n.Release(owner) }
	}
	held := []name.Event{name.Held{Owner: "o1"}}
	freed := []name.Event{name.Held{Owner: "o1"}, name.Released{}}
	for _, tt := range []struct {
		name  string
		given []name.Event
		when  func(name.Name) ([]name.Event, error)
		then  []name.Event
		err   error
	}{
		{"free", nil, hold("o1"), held, nil},
		{"held again", held, hold("o1"), nil, nil},
		{"taken", held, hold("o2"), nil, name.ErrTaken},
		{"taken after it was freed", freed, hold("o2"), []name.Event{name.Held{Owner: "o2"}}, nil},
		{"released", held, release("o1"), []name.Event{name.Released{}}, nil},
		{"released by another", held, release("o2"), nil, name.ErrTaken},
		{"released again", freed, release("o1"), nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var n name.Name
			for _, e := range tt.given {
				n = n.Apply(e)
			}
			got, err := tt.when(n)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.then, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}
