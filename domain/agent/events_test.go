package agent_test

import (
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/eventtest"
)

// suite lists an example of every event; they are also the golden files.
func suite() eventtest.Suite[agent.Event] {
	spec := agent.Spec{
		Name: "crawler-1", Capabilities: []string{"gpu", "lang/go:1.26"}, Queues: []string{"reports", "default"},
		Capacity: 4, Version: "1.2.3 (Größe)", Labels: map[string]string{"env": "prod", "zone": "eu/1"},
	}
	return eventtest.Suite[agent.Event]{
		Schema: agent.Schema, Decoders: agent.Decoders, Decode: agent.Decode,
		Events: []agent.Event{
			agent.Registered{Spec: spec},
			agent.Updated{Spec: spec},
			agent.Draining{Reason: "maintenance"},
			agent.Resumed{},
			agent.Lost{LastSeen: time.Date(2026, 3, 1, 12, 0, 0, 500_000_000, time.UTC)},
			agent.Returned{},
			agent.Left{},
			slept(),
			agent.Woken{},
		},
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	suite().Run(t)
}

func FuzzDecode(f *testing.F) { suite().Fuzz(f) }
