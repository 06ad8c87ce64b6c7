package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/memory/recall"
	"github.com/hivemesh/hivemesh/projections"
)

const (
	briefTime      = 2 * time.Second // for what a task wants told: then it is delivered without
	parallelBriefs = 4               // of one answer
)

// Briefing gathers what agents are told from memory.
type Briefing struct {
	Commands *commands.Service
	Store    *eventstore.Store
	Recall   *recall.Service
}

// add gives an assignment what its task wants told from memory, within the
// rights of the agent, or says why it could not.
func (b *Briefing) add(ctx context.Context, tenant, agent string, spec task.Spec, to *client.Assignment) {
	if spec.Recall == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, briefTime)
	defer cancel()
	var err error
	if to.Memory, err = b.gather(ctx, tenant, agent, spec); err != nil {
		to.MemoryError = memoryError(err)
	}
}

func (b *Briefing) gather(ctx context.Context, tenant, agent string, spec task.Spec) (*client.Pack, error) {
	_, reading, err := b.Commands.AgentReading(ctx, tenant, agent)
	if err != nil {
		return nil, err
	}
	q := recall.Query{Text: spec.Recall.Query}
	if q.Text == "" {
		if q.Text, err = b.inputWords(ctx, tenant, spec.Input); err != nil {
			return nil, err
		}
	}
	if len(spec.Recall.Kinds) > 0 {
		q.Filter = "kind:" + strings.Join(spec.Recall.Kinds, ",")
	}
	return b.pack(ctx, tenant, scopesOf(reading), q, spec.Recall.Budget)
}

// inputWords is the beginning of what an input says.
func (b *Briefing) inputWords(ctx context.Context, tenant string, input domain.Payload) (string, error) {
	data := []byte(input.Inline)
	if input.Artifact != nil {
		var err error
		if data, err = b.Store.GetArtifact(ctx, tenant, input.Artifact.Digest); err != nil {
			return "", err
		}
	}
	text := prefix(words(data), queryPrefix)
	if strings.TrimSpace(text) == "" {
		return "", domain.InvalidField("recall.query", "the input has no text to look for: give a query")
	}
	return text, nil
}

// addAll does as add for several assignments within the time of one.
func (b *Briefing) addAll(ctx context.Context, tenant, agent string, specs map[*client.Assignment]task.Spec) {
	if len(specs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, briefTime)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(parallelBriefs)
	for to, spec := range specs {
		g.Go(func() error { b.add(ctx, tenant, agent, spec, to); return nil })
	}
	_ = g.Wait() // each says why by itself
}

// pack gathers a pack; a budget of 0 is the default.
func (b *Briefing) pack(ctx context.Context, tenant string, scopes projections.Scopes, q recall.Query, budget int) (*client.Pack, error) {
	if budget == 0 {
		budget = defaultBudget
	}
	got, err := b.Recall.Pack(ctx, tenant, scopes, q, budget)
	if err != nil {
		return nil, err
	}
	out := client.Pack{Text: got.Text, Items: []client.PackedItem{}, Tokens: got.Tokens, Budget: budget, Degraded: got.Degraded, Position: b.Store.Position(got.Seq)}
	for _, i := range got.Items {
		out.Items = append(out.Items, client.PackedItem{ID: i.ID, Text: i.Text, Score: i.Score, Tokens: i.Tokens, Kind: string(i.Kind), Source: i.From, Seq: i.FirstSeq})
	}
	return &out, nil
}

// memoryError words why there is no pack.
func memoryError(err error) string {
	e := known(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "memory did not answer in time"
	case e == nil:
		return "memory could not be searched"
	}
	return e.Message
}

// scopesOf is a reading as the read model takes it.
func scopesOf(r commands.Reading) projections.Scopes {
	if r.All {
		return nil
	}
	return append(projections.Scopes{}, r.Scopes...)
}
