package login

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// How uses of API keys are written down. A key's use is told at most once an
// hour whatever its addresses: behind many of them it would flood the log. The
// event has the one address that was told.
const (
	usesQueued   = 1024        // keys whose use waits to be written; those beyond are told when they are used again
	useRestsFor  = time.Minute // after a use that could not be written
	useWriteTime = 5 * time.Second
)

// use is an API key that let its owner in.
type use struct {
	owner identity.Ref
	key   string
	from  netip.Addr
}

// uses are the uses of API keys on their way into the log.
type uses struct {
	queue chan use
	now   func() time.Time

	mu    sync.Mutex
	until map[string]time.Time // by key: when it is told again at the earliest; zero while it is queued
}

func newUses() *uses {
	return &uses{queue: make(chan use, usesQueued), now: time.Now, until: map[string]time.Time{}}
}

// told is told that a key was used whose use has not been written for a
// while. It does not block.
func (u *uses) told(owner identity.Ref, key string, from netip.Addr) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if until, ok := u.until[key]; ok && (until.IsZero() || u.now().Before(until)) {
		return
	}
	select {
	case u.queue <- use{owner, key, from}:
		u.until[key] = time.Time{}
	default:
	}
}

// written lets a key be told again: by then the directory has its use.
func (u *uses) written(key string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.until, key)
	if err != nil && len(u.until) < 2*usesQueued {
		u.until[key] = u.now().Add(useRestsFor)
	}
}

// recordUses writes uses to the log until ctx ends. Those that wait then are
// forgotten: the keys are used again.
func (s *Service) recordUses(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case u := <-s.cfg.Uses.queue:
			s.cfg.Uses.written(u.key, s.writeUse(ctx, u))
		}
	}
}

func (s *Service) writeUse(ctx context.Context, u use) error {
	ctx, cancel := context.WithTimeout(ctx, useWriteTime)
	defer cancel()
	p, _ := s.cfg.Directory.Principal(u.owner)
	by := domain.Actor{Tenant: u.owner.Tenant, ID: u.owner.ID, Kind: p.Kind}
	_, err := s.cfg.Commands.UseCredential(ctx, by, commands.Meta{}, u.key, s.source(u.from), 0)
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn().Err(err).Str("key", u.key).Msg("the use of an API key is not in the log")
	}
	return err
}
