package eventstore_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/eventstore"
)

// TestRefusedGroupsAreRare: expectations that nobody but the server can know to
// be stale are each refused alone, and do not spoil group after group.
func TestRefusedGroupsAreRare(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	const rounds, callers = 10, 300
	for range rounds {
		var all sync.WaitGroup
		for i := range callers {
			expect := uint64(0)
			if i > callers/2 && i%20 == 0 {
				expect = 1
			}
			all.Add(1)
			s.AppendAsync(one(newEntity(), expect, uuid.NewString()), func(_ eventstore.Receipt, err error) {
				defer all.Done()
				var conflict *eventstore.ConflictError
				if errors.As(err, &conflict) != (expect > 0) || expect == 0 && err != nil {
					t.Errorf("append %d, expecting %d: %v", i, expect, err)
				}
			})
		}
		all.Wait()
	}
	if refused := s.Stats().Refused; refused == 0 || refused > rounds/2 {
		t.Errorf("%d groups were refused in %d rounds", refused, rounds)
	}
}
