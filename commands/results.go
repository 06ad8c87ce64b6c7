package commands

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/eventstore"
)

// TaskResult is what a task that is to be remembered completed with.
type TaskResult struct {
	Tenant      string
	Task        string
	Agent       string // that completed it
	Result      domain.Payload
	Seq         uint64 // of the event that completed it
	Event       string // its id
	Correlation string
}

// RememberResult keeps the result of a task as an episode of the tenant, with
// the task as its source and the agent as who remembered it. The item's id
// comes from the task's: when there is one already, whatever became of it,
// nothing happens. A result that is no text and not longer than memory.MaxText
// fails with an Invalid error.
func (s *Service) RememberResult(ctx context.Context, r TaskResult) (Result, error) {
	text, media := resultText(r.Result)
	spec := memory.Spec{
		Text: text, MediaType: media, Kind: memory.KindEpisode, Scope: memory.TenantScope,
		Source: memory.Source{Type: memory.SourceTask, ID: r.Task, Seq: r.Seq},
	}
	return s.asMesh(r.Tenant, "memory.remember_result", func(cmd eventstore.Command) (Result, error) {
		cmd.ID = keyedID(r.Tenant, "memory.remember_result", r.Task)
		cmd.Actor, cmd.Causation, cmd.Correlation = r.Agent, r.Event, r.Correlation
		return s.changeMemory(ctx, r.Tenant, cmd, keyedID(r.Tenant, kindMemory, "task", r.Task), func(i memory.Item) ([]memory.Event, error) {
			if i.Exists() {
				return nil, nil
			}
			return i.Remember(spec, cmd.Time)
		})
	})
}

// resultText is a result as it is remembered: a JSON string as its text,
// another value as JSON; null and an artifact as nothing.
func resultText(p domain.Payload) (text, mediaType string) {
	data := bytes.TrimSpace(p.Inline)
	if p.Artifact != nil || len(data) == 0 || bytes.Equal(data, []byte("null")) {
		return "", ""
	}
	if json.Unmarshal(data, &text) == nil {
		return text, "text/plain"
	}
	return string(data), "application/json"
}
