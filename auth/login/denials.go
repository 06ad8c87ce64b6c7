package login

import (
	"context"
	"time"

	"github.com/hivemesh/hivemesh/auth/limit"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// refusal is what counts as the same refusal.
type refusal struct {
	who    identity.Ref
	action string
	kind   string // of the resource
	reason string
}

// How refusals are written down.
const (
	denialWindow  = time.Minute // repeats within it are one event
	denialKinds   = 10_000      // told apart at a time
	denialsQueued = 1024        // first ones that wait to be written
	denialsAtEnd  = 2 * time.Second
)

// denials gathers refusals until they are in the log: the first of a kind goes
// there at once, the others of a minute together, so that nobody floods the
// audit. Beyond what is told apart they count as one kind, which is logged.
type denials struct {
	repeats *limit.Collapse[refusal]
	first   chan refusal
}

func newDenials() *denials {
	return &denials{repeats: limit.NewCollapse[refusal](denialWindow, denialKinds), first: make(chan refusal, denialsQueued)}
}

// told is told of every refusal, and does not block.
func (d *denials) told(by domain.Actor, action string, about identity.Resource, decision identity.Decision) {
	if by.Kind == domain.System {
		return
	}
	r := refusal{who: identity.Ref{Tenant: by.HomeTenant(), ID: by.ID}, action: action, kind: about.Kind, reason: decision.Reason}
	if r, tell := d.repeats.Add(r, time.Now()); tell {
		select {
		case d.first <- r:
		default: // its repeats are told within the minute
		}
	}
}

// recordDenials writes refusals to the log until ctx ends.
func (s *Service) recordDenials(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), denialsAtEnd)
			defer cancel()
			s.writeDenials(end, s.cfg.Denials.repeats.Flush())
			return
		case r := <-s.cfg.Denials.first:
			s.writeDenials(ctx, []limit.Summary[refusal]{{Key: r, Count: 1}})
		case now := <-tick.C:
			s.writeDenials(ctx, s.cfg.Denials.repeats.Due(now))
		}
	}
}

func (s *Service) writeDenials(ctx context.Context, all []limit.Summary[refusal]) {
	for _, d := range all {
		r := d.Key
		if r.who.ID == "" {
			s.cfg.Log.Warn().Int("count", d.Count).Msg("more sorts of refusals than are told apart")
			continue
		}
		if err := s.cfg.Commands.NoteDenial(ctx, r.who, r.action, r.kind, r.reason, d.Count); err != nil {
			s.cfg.Log.Warn().Err(err).Str("action", r.action).Int("count", d.Count).Msg("a refusal is not in the log")
		}
	}
}
