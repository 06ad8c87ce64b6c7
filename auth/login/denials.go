package login

import (
	"context"
	"time"

	"github.com/hivemesh/hivemesh/auth/limit"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// refusal is what counts as the same refusal: who, and what for.
type refusal struct {
	who    identity.Ref
	action string
	kind   string // of the resource
}

const (
	denialsEvery = 250 * time.Millisecond
	denialsAtEnd = 2 * time.Second
)

// denied is told of every refusal, and only counts it.
func denied(all *limit.Denials[refusal]) func(domain.Actor, string, identity.Resource, identity.Decision) {
	return func(by domain.Actor, action string, about identity.Resource, d identity.Decision) {
		if by.Kind != domain.System {
			all.Add(refusal{who: identity.Ref{Tenant: by.HomeTenant(), ID: by.ID}, action: action, kind: about.Kind}, d.Reason)
		}
	}
}

// recordDenials writes refusals to the log until ctx ends: the first of a kind
// at once, the others of a minute together, so that nobody floods the audit.
func (s *Service) recordDenials(ctx context.Context) {
	tick := time.NewTicker(denialsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), denialsAtEnd)
			defer cancel()
			s.writeDenials(end, true)
			return
		case <-tick.C:
			s.writeDenials(ctx, false)
		}
	}
}

func (s *Service) writeDenials(ctx context.Context, end bool) {
	for _, d := range s.cfg.Denials.Due(end) {
		if err := s.cfg.Commands.NoteDenial(ctx, d.Key.who, d.Key.action, d.Key.kind, d.Reason, d.Count); err != nil {
			s.cfg.Log.Warn().Err(err).Str("action", d.Key.action).Int("count", d.Count).Msg("a refusal is not in the log")
			return
		}
	}
}
