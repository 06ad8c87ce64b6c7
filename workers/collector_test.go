package workers_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/workers"
)

func TestTheLeaderCollectsArtifactsThatNoEventNames(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	m := newMesh(t)
	tomorrow := func(c *workers.Config) {
		c.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
		c.ArtifactSweep = 20 * time.Millisecond
	}
	n := m.start("n1")
	stray, err := n.store.PutArtifact(ctx, tenant, "text/plain", []byte("stray"))
	must(t, err)
	n.awaitLeader()
	id := n.submit(task.Spec{Input: inline(strings.Repeat("x", 300_000))})
	n.stop()

	n1 := m.start("n1", tomorrow)
	n1.awaitLeader()
	n2 := m.start("n2", tomorrow)
	n2.await("the stray one to go", func() bool { return n1.coord.Health().Collected == 1 })
	if _, err := n2.store.GetArtifact(ctx, tenant, stray.Digest); !errors.Is(err, eventstore.ErrNotFound) {
		t.Errorf("the stray artifact: %v", err)
	}
	if _, err := n2.store.GetArtifact(ctx, tenant, n2.state(id).Spec.Input.Artifact.Digest); err != nil {
		t.Errorf("the task's input: %v", err)
	}
	if got := n2.coord.Health().Collected; got != 0 {
		t.Errorf("the node that does not lead removed %d", got)
	}
}
