package api

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// streams is what principals hold open for long: feeds and polls here, and
// connections to NATS, which its server knows.
type streams struct {
	mu   sync.Mutex
	open map[*stream]struct{}
	cuts chan []identity.Ref
}

type stream struct {
	who domain.Actor
	end context.CancelCauseFunc
}

func newStreams() *streams {
	return &streams{open: map[*stream]struct{}{}, cuts: make(chan []identity.Ref, 256)}
}

// errRevoked ends what is open of somebody who may not have it any more.
var errRevoked = &domain.Error{Kind: domain.Unauthenticated, Code: "revoked", Message: "the credential was revoked, or what it permits was changed"}

// keep returns a context that ends with ctx, when the credential of who
// expires, and when something is taken from who.
func (s *streams) keep(ctx context.Context, who domain.Actor) (context.Context, func()) {
	ctx, end := context.WithCancelCause(ctx)
	stop := func() {}
	if !who.Expires.IsZero() {
		timer := time.AfterFunc(time.Until(who.Expires), func() { end(errRevoked) })
		stop = func() { timer.Stop() }
	}
	kept := &stream{who: who, end: end}
	s.mu.Lock()
	s.open[kept] = struct{}{}
	s.mu.Unlock()
	return ctx, func() {
		s.mu.Lock()
		delete(s.open, kept)
		s.mu.Unlock()
		stop()
		end(nil)
	}
}

// cut ends what the principals hold open; one without an ID is everybody of
// its tenant.
func (s *streams) cut(who []identity.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.open {
		ids := []identity.Ref{
			{Tenant: k.who.HomeTenant(), ID: k.who.ID},
			{Tenant: k.who.HomeTenant(), ID: k.who.For},
			{Tenant: k.who.HomeTenant()},
			{Tenant: k.who.Tenant},
		}
		if slices.ContainsFunc(who, func(r identity.Ref) bool { return slices.Contains(ids, r) }) {
			k.end(errRevoked)
		}
	}
}

// revoked reports whether a context ended because something was taken.
func revoked(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errRevoked) }

// Restricted ends what the principals hold open on this node. Whoever follows
// the directory calls it, after the directory has taken in what was taken.
func (a *API) Restricted(who []identity.Ref) {
	a.streams.cut(who)
	if a.cfg.Disconnect == nil {
		return
	}
	select {
	case a.streams.cuts <- who:
	default: // so many at once: everybody comes back and is asked about anew
		select {
		case <-a.streams.cuts:
		default:
		}
		a.streams.cuts <- nil
	}
}

// cutAgain is when a second look is had at NATS: a connection that was being
// let in at the first one is there by then. One that was begun after the last cut was
// decided upon by what is in force, and stays.
const cutAgain = 500 * time.Millisecond

// cutNATS closes connections to NATS until ctx ends.
func (a *API) cutNATS(ctx context.Context) error {
	if a.cfg.Disconnect == nil {
		return nil
	}
	var later []identity.Ref
	var since time.Time
	all := false
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case who := <-a.streams.cuts:
			since = time.Now()
			a.disconnect(since, who, who == nil)
			later, all = append(later, who...), all || who == nil
			again.Reset(cutAgain)
		case <-again.C:
			if len(later) > 0 || all {
				a.disconnect(since, later, all)
			}
			later, all = nil, false
		}
	}
}

func (a *API) disconnect(before time.Time, who []identity.Ref, all bool) {
	names := make(map[string]bool, len(who))
	for _, r := range who {
		names[r.Tenant+"."+r.ID] = true
	}
	n := a.cfg.Disconnect(before, func(user string) bool {
		tenant, _, _ := strings.Cut(user, ".")
		return all || names[user] || names[tenant+"."]
	})
	if n > 0 {
		a.cfg.Log.Info().Int("connections", n).Msg("NATS connections closed: what their principals may do was changed")
	}
}
