package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/eventstore"
)

// Summary is a text that is to stand for several items of an agent.
type Summary struct {
	Tenant string
	Agent  string       // whose items they are
	Scope  memory.Scope // of the items and the summary
	Text   string
	By     string   // what wrote it
	Bytes  int      // of the items' texts
	Items  []string // ids
}

// SummariseMemory keeps a summary and supersedes the items that it stands for,
// all in one decision. The summary's id comes from the items': doing it again
// changes nothing. It fails with memory.ErrKept, and changes nothing, when one
// of the items is to stay as it is by now, and with Invalid when the text is no
// item's.
func (s *Service) SummariseMemory(ctx context.Context, sum Summary) (Result, error) {
	id := keyedID(sum.Tenant, kindMemory, "summary", strings.Join(sum.Items, " "))
	spec := memory.Spec{
		Text: sum.Text, Kind: memory.KindSummary, Scope: sum.Scope, Source: memory.Source{Type: memory.SourceAgent, ID: sum.Agent},
		SummaryOf: &memory.SummaryOf{Items: len(sum.Items), Bytes: sum.Bytes, By: sum.By},
	}.WithDefaults()
	return s.asMesh(sum.Tenant, "memory.summarise", func(cmd eventstore.Command) (Result, error) {
		return s.appendDraft(ctx, cmd, func(d *draft) (string, error) {
			exists := false
			err := s.addMemory(ctx, d, sum.Tenant, id, func(i memory.Item) ([]memory.Event, error) {
				if exists = i.Exists(); exists {
					return nil, nil
				}
				return i.Remember(spec, cmd.Time)
			})
			if err != nil || exists {
				return id, err
			}
			for _, item := range sum.Items {
				if err := s.addMemory(ctx, d, sum.Tenant, item, func(i memory.Item) ([]memory.Event, error) { return i.Summarise(id) }); err != nil {
					return id, fmt.Errorf("summarise item %s: %w", item, err)
				}
			}
			return id, nil
		})
	})
}

// addMemory decides on an item and adds the outcome to the draft.
func (s *Service) addMemory(ctx context.Context, d *draft, tenant, id string, decide func(memory.Item) ([]memory.Event, error)) error {
	e, err := entity(tenant, kindMemory, "id", id)
	if err != nil {
		return err
	}
	return addTo(ctx, d, s.memories, e, memory.Schema, decide)
}

// FadeMemory lowers how much an item matters that nobody has used since a time.
func (s *Service) FadeMemory(ctx context.Context, tenant, id string, unusedSince time.Time) (Result, error) {
	return s.asMesh(tenant, "memory.fade", func(cmd eventstore.Command) (Result, error) {
		return s.changeMemory(ctx, tenant, cmd, id, func(i memory.Item) ([]memory.Event, error) { return i.Fade(unusedSince) })
	})
}
