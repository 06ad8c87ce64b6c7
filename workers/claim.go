package workers

import (
	"encoding/json"

	"github.com/nats-io/nats.go/jetstream"
)

// claim is the value of the entry.
type claim struct {
	Node string `json:"node"`
	Run  string `json:"run"`            // of the process
	Term uint64 `json:"term,omitempty"` // left out of the first entry, whose revision it is
}

func (l *leadership) value() []byte {
	b, err := json.Marshal(l.me)
	if err != nil {
		return nil // a struct of strings and a number cannot fail
	}
	return b
}

func claimOf(entry jetstream.KeyValueEntry) claim {
	var c claim
	if err := json.Unmarshal(entry.Value(), &c); err != nil {
		c = claim{Node: "unknown"}
	}
	if c.Term == 0 {
		c.Term = entry.Revision()
	}
	return c
}
