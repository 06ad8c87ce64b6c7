package api

import (
	"context"
	"errors"
	"strings"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/memory/recall"
	"github.com/hivemesh/hivemesh/projections"
)

// queryPrefix is how much of a text a pack is looked for by, in bytes, when
// nobody said what it is to be about.
const queryPrefix = 2 << 10

// sleep puts an agent to sleep. What it runs is as far as this node has read:
// an assignment that was on its way comes back by itself.
func (a *API) sleep(ctx context.Context, c caller, r client.SleepRequest) (client.SleepReceipt, error) {
	id, err := a.agentID(ctx, c, r.ID)
	if err != nil {
		return client.SleepReceipt{}, err
	}
	open, err := a.cfg.Coordinator.Open(ctx, c.actor.Tenant, id)
	if err != nil && !errors.Is(err, agent.ErrNotFound) {
		return client.SleepReceipt{}, err
	}
	how := commands.Sleep{Checkpoint: r.Checkpoint, Reason: r.Reason, Running: len(open)}
	res, kept, err := a.cfg.Commands.SleepAgent(ctx, c.actor, c.meta(), id, how)
	if err != nil {
		return client.SleepReceipt{}, err
	}
	return client.SleepReceipt{Receipt: a.receipt(res), Checkpoint: client.Checkpoint(kept)}, nil
}

// wake ends an agent's sleep. A pack that cannot be had does not keep it asleep.
func (a *API) wake(ctx context.Context, c caller, r client.WakeRequest) (client.Awakening, error) {
	id, err := a.agentID(ctx, c, r.ID)
	if err != nil {
		return client.Awakening{}, err
	}
	res, woken, err := a.cfg.Commands.WakeAgent(ctx, c.actor, c.meta(), id)
	if err != nil {
		return client.Awakening{}, err
	}
	out := client.Awakening{
		Receipt: a.receipt(res), Checkpoint: client.Checkpoint(woken.Checkpoint), Text: woken.Text, CheckpointProblem: woken.Problem,
	}
	query := r.Query
	if query == "" {
		query = prefix(woken.Text, queryPrefix)
	}
	if query == "" {
		return out, nil
	}
	out.Memory, err = a.agentPack(ctx, c, id, query, r.Budget)
	if err != nil {
		out.MemoryError = memoryError(err)
	}
	return out, nil
}

// agentPack is a pack within an agent's rights. Who is not told what is the
// agent's own gets one within its own rights, too.
func (a *API) agentPack(ctx context.Context, c caller, id, query string, budget int) (*client.Pack, error) {
	who, reading, err := a.cfg.Commands.AgentReading(ctx, c.actor.Tenant, id)
	if err != nil {
		return nil, err
	}
	scopes := scopesOf(reading)
	if !a.cfg.Commands.SharesMemory(c.actor, who) {
		own, err := a.cfg.Commands.MemoryReading(c.actor)
		if err != nil {
			return nil, err
		}
		scopes = both(reading, own)
	}
	return a.brief.pack(ctx, c.actor.Tenant, scopes, recall.Query{Text: query}, budget)
}

// both is what each of two readings allows.
func both(x, y commands.Reading) projections.Scopes {
	if x.All {
		x, y = y, x
	}
	if x.All {
		return nil
	}
	out := projections.Scopes{}
	for _, s := range x.Scopes {
		if y.Allows(s) {
			out = append(out, s)
		}
	}
	return out
}

// prefix is the beginning of a text, cut between characters.
func prefix(text string, most int) string {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
