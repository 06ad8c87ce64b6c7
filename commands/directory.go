package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

// LoadDirectory fills a directory with every event about identities that the
// log has now.
func LoadDirectory(ctx context.Context, store *eventstore.Store, d *identity.Directory, log zerolog.Logger) error {
	end, err := store.LastOf(ctx, identity.EntityKind)
	if err != nil {
		return fmt.Errorf("find the end of the identities: %w", err)
	}
	if d.Seq() >= end {
		return nil
	}
	loaded := errors.New("loaded")
	err = followDirectory(ctx, store, d, log, func() error {
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
// revocation is not held up by the work of the mesh. changed is called after
// each batch.
func FollowDirectory(ctx context.Context, store *eventstore.Store, d *identity.Directory, log zerolog.Logger, changed func()) error {
	return followDirectory(ctx, store, d, log, func() error {
		changed()
		return nil
	})
}

func followDirectory(ctx context.Context, store *eventstore.Store, d *identity.Directory, log zerolog.Logger, after func() error) error {
	opt := eventstore.TailOptions{Name: "identities", Kind: identity.EntityKind}
	return store.Tail(ctx, d.Seq(), opt, func(rs []eventstore.Record) error {
		for _, r := range rs {
			e, err := identity.Decode(r.Type, r.Schema, r.Data)
			if err != nil {
				log.Error().Err(err).Str("entity", r.Entity.String()).Uint64("seq", r.Seq).Msg("an identity is written by a newer version; it may do nothing here")
				d.Distrust(r.Entity.Tenant, r.Entity.ID, r.Seq)
				continue
			}
			d.Apply(r.Entity.Tenant, r.Entity.ID, r.Seq, e, r.Time)
		}
		return after()
	})
}
