package projections_test

import (
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// TestForeignLog starts on checkpoints that belong to another log: each
// projection stands still and says why, until it is rebuilt.
func TestForeignLog(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ change, says string }{
		"another identity": {`UPDATE projection_checkpoint SET log_epoch = 'another'`, "restored or replaced"},
		"a shorter log":    {`UPDATE projection_checkpoint SET seq = seq + 1000`, "earlier point"},
		"other events":     {`UPDATE projection_checkpoint SET event_id = 'another'`, "written anew"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			h := projectionstest.New(30)
			if err := h.Append(t.Context(), b.store, 50); err != nil {
				t.Fatal(err)
			}
			stop := run(t, b.p)
			b.caughtUp(t)
			stop()
			if _, err := b.pool.Exec(t.Context(), tt.change); err != nil {
				t.Fatal(err)
			}
			b.p = b.open(t, b.store)
			run(t, b.p)
			eventually(t, "the refusal", func() bool {
				states, err := b.p.States(t.Context())
				last := len(states) - 1 // tasks
				return err == nil && states[last].Status == "stopped" && strings.Contains(states[last].Error, tt.says) && strings.Contains(states[last].Error, "rebuild")
			})
			if _, err := b.p.Tasks(t.Context(), h.Tenant, projections.Query{}); domain.KindOf(err) != domain.Unavailable || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("a query answers: %v", err)
			}
			if err := b.p.Rebuild(t.Context(), "", nil); err != nil {
				t.Fatal(err)
			}
			if err := h.Append(t.Context(), b.store, 50); err != nil {
				t.Fatal(err)
			}
			b.caughtUp(t)
			b.mustVerify(t)
		})
	}
}
