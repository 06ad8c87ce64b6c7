package projections

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/document"
	"github.com/hivemesh/hivemesh/domain/embedding"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/domain/projection"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// item is a record decoded once for all read models of a lane. At most one of
// the decoded events is set.
type item struct {
	eventstore.Record
	id        uuid.UUID // of the entity
	task      task.Event
	agent     agent.Event
	identity  identity.Event
	action    projection.Event
	memory    memory.Event
	embedding embedding.Event
	document  document.Event
	badID     error // the envelope cannot be indexed
	bad       error // the payload cannot be decoded
}

// rowKey is the primary key of a row that belongs to one entity.
type rowKey struct {
	tenant string
	id     uuid.UUID
}

func (it *item) row() rowKey { return rowKey{it.Entity.Tenant, it.id} }

// key is the parking key.
func (it *item) key() string {
	return it.Entity.Tenant + "/" + it.Entity.Kind + "/" + it.Entity.ID
}

// decode reads a record, and its payload when that is needed.
func decode(r eventstore.Record, payload bool) *item {
	it := &item{Record: r}
	it.id, it.badID = uuid.Parse(r.Entity.ID)
	if !payload {
		return it
	}
	switch r.Entity.Kind {
	case "task":
		it.task, it.bad = task.Decode(r.Type, r.Schema, r.Data)
	case "agent":
		it.agent, it.bad = agent.Decode(r.Type, r.Schema, r.Data)
	case identity.EntityKind:
		it.identity, it.bad = identity.Decode(r.Type, r.Schema, r.Data)
	case "memory":
		it.memory, it.bad = memory.Decode(r.Type, r.Schema, r.Data)
	case "embedding":
		it.embedding, it.bad = embedding.Decode(r.Type, r.Schema, r.Data)
	case "document":
		it.document, it.bad = document.Decode(r.Type, r.Schema, r.Data)
	case "projection":
		it.action, it.bad = projection.Decode(r.Type, r.Schema, r.Data)
	}
	return it
}

// decodable is the check of models that fold payloads.
func (it *item) decodable() error {
	if it.badID != nil {
		return fmt.Errorf("entity id: %w", it.badID)
	}
	return it.bad
}

// decisionEnd returns the index after the decision that begins at start; the
// events of one decision follow each other.
func decisionEnd(items []*item, start int) int {
	for i := start; i < len(items); i++ {
		if items[i].EndsDecision() {
			return i + 1
		}
	}
	return len(items)
}
