package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

// Watch is told of what comes into a directory, once it is in it. None of its
// functions may block, and each may be nil.
type Watch struct {
	Restricted func([]identity.Ref) // those from whom something was taken
	// Started is told of every session that began, of the past too, in the
	// order of the log.
	Started func(identity.Ref, identity.SessionStarted)
}

// LoadDirectory fills a directory with every event about identities that the
// log has now. Nobody holds anything open by then, so that only Started of
// watch is told.
func LoadDirectory(ctx context.Context, store *eventstore.Store, d *identity.Directory, log zerolog.Logger, watch Watch) error {
	end, err := store.LastOf(ctx, identity.EntityKind)
	if err != nil {
		return fmt.Errorf("find the end of the identities: %w", err)
	}
	if d.Seq() >= end {
		return nil
	}
	loaded := errors.New("loaded")
	err = followDirectory(ctx, store, d, log, watch.Started, func([]identity.Ref) error {
		if d.Seq() >= end {
			return loaded
		}
		return nil
	})
	if !errors.Is(err, loaded) {
		return fmt.Errorf("read the identities: %w", err)
	}
	return nil
}

// FollowDirectory keeps a directory current until ctx ends; then it returns
// ctx's error. It follows the events about identities alone, so that a
// revocation is not held up by the work of the mesh.
func FollowDirectory(ctx context.Context, store *eventstore.Store, d *identity.Directory, log zerolog.Logger, watch Watch) error {
	return followDirectory(ctx, store, d, log, watch.Started, func(who []identity.Ref) error {
		if len(who) > 0 && watch.Restricted != nil {
			watch.Restricted(who)
		}
		return nil
	})
}

func followDirectory(ctx context.Context, store *eventstore.Store, d *identity.Directory, log zerolog.Logger, started func(identity.Ref, identity.SessionStarted), after func([]identity.Ref) error) error {
	opt := eventstore.TailOptions{Name: "identities", Kind: identity.EntityKind}
	return store.Tail(ctx, d.Seq(), opt, func(rs []eventstore.Record) error {
		var restricted []identity.Ref
		for _, r := range rs {
			e, err := identity.Decode(r.Type, r.Schema, r.Data)
			if err != nil {
				log.Error().Err(err).Str("entity", r.Entity.String()).Uint64("seq", r.Seq).Msg("an identity is written by a newer version; it may do nothing here")
				d.Distrust(r.Entity.Tenant, r.Entity.ID, r.Seq)
				restricted = append(restricted, identity.Ref{Tenant: r.Entity.Tenant})
				continue
			}
			if who, ok := d.Apply(r.Entity.Tenant, r.Entity.ID, r.Seq, e, r.Time); ok {
				restricted = append(restricted, who)
			}
			if e, ok := e.(identity.SessionStarted); ok && started != nil {
				started(identity.Ref{Tenant: r.Entity.Tenant, ID: e.Principal}, e)
			}
		}
		return after(restricted)
	})
}
