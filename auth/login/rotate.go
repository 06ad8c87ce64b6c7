package login

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/auth/token"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// When the keys of access tokens are rotated, and how long tokens of the old
// key count: every token that it signed expires within that time.
const (
	RotateAfter   = 30 * 24 * time.Hour
	RotateOverlap = 4 * token.Lifetime
	rotateLook    = time.Hour
)

// Rotate makes a fresh key the one that signs.
func (s *Service) Rotate(ctx context.Context, by domain.Actor, m commands.Meta, overlap time.Duration) (commands.Result, error) {
	if by.Kind != domain.System { // before a key is made in vain
		if err := s.cfg.Commands.Authorise(by, "key.rotate", identity.Resource{Kind: "key"}); err != nil {
			return commands.Result{}, err
		}
	}
	after := s.cfg.Directory.Keyset().Current
	next, err := s.cfg.Signer.NewKey(ctx)
	if err != nil {
		return commands.Result{}, &domain.Error{Kind: domain.Unavailable, Code: "log_unavailable", Message: "a new key cannot be kept now; try again", Err: err}
	}
	return s.cfg.Commands.RotateKey(ctx, by, m, after, next, overlap)
}

// Run rotates the keys when they are old, and writes refusals and uses of keys down, until ctx
// ends. Every node runs it; one of them is the first to rotate.
func (s *Service) Run(ctx context.Context) error {
	var records sync.WaitGroup
	records.Go(func() { s.recordDenials(ctx) })
	records.Go(func() { s.recordUses(ctx) })
	defer records.Wait()
	tick := time.NewTicker(rotateLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if s.now().Sub(s.cfg.Directory.Keyset().Since) < RotateAfter {
			continue
		}
		if _, err := s.Rotate(ctx, worker(), commands.Meta{}, RotateOverlap); err != nil && !errors.Is(err, identity.ErrRotated) {
			s.cfg.Log.Warn().Err(err).Msg("the signing keys are old and could not be rotated")
		}
	}
}

// worker is the mesh's own principal.
func worker() domain.Actor {
	return domain.Actor{Tenant: domain.DefaultTenant, ID: commands.SystemActor, Kind: domain.System}
}
