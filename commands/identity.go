package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

// identities is the warm state of everything of kind "identity".
type identities struct {
	tenants     *eventstore.Cache[identity.Tenant]
	principals  *eventstore.Cache[identity.Principal]
	sessions    *eventstore.Cache[identity.Session]
	invitations *eventstore.Cache[identity.Invitation]
	keysets     *eventstore.Cache[identity.Keyset]
}

func newIdentities(store *eventstore.Store, limit int) identities {
	return identities{
		tenants:     identityCache(store, limit, func(string) identity.Tenant { return identity.Tenant{} }, identity.Tenant.Apply),
		principals:  identityCache(store, limit, func(id string) identity.Principal { return identity.Principal{ID: id} }, identity.Principal.Apply),
		sessions:    identityCache(store, limit, func(id string) identity.Session { return identity.Session{ID: id} }, identity.Session.Apply),
		invitations: identityCache(store, limit, func(id string) identity.Invitation { return identity.Invitation{ID: id} }, identity.Invitation.Apply),
		keysets:     identityCache(store, limit, func(string) identity.Keyset { return identity.Keyset{} }, identity.Keyset.Apply),
	}
}

func (i identities) observe(rs []eventstore.Record) {
	if !slices.ContainsFunc(rs, func(r eventstore.Record) bool { return r.Entity.Kind == identity.EntityKind }) {
		return // nearly always
	}
	i.tenants.Observe(rs)
	i.principals.Observe(rs)
	i.sessions.Observe(rs)
	i.invitations.Observe(rs)
	i.keysets.Observe(rs)
}

// identityCache folds one sort of identity entity; E is its sort of events.
func identityCache[S any, E identity.Event](store *eventstore.Store, limit int, fresh func(id string) S, apply func(S, E, time.Time) S) *eventstore.Cache[S] {
	return eventstore.NewCache(store, eventstore.Model[S]{
		Kind: identity.EntityKind, New: fresh,
		Apply: func(s S, r eventstore.Record) (S, error) {
			e, err := identity.Decode(r.Type, r.Schema, r.Data)
			if err != nil {
				return s, fmt.Errorf("%s at %d: %w", r.Entity, r.Seq, err)
			}
			own, ok := e.(E)
			if !ok {
				return s, fmt.Errorf("%s at %d: %s is no event of this entity", r.Entity, r.Seq, r.Type)
			}
			return apply(s, own, r.Time), nil
		},
	}, limit)
}

// part is what a decision wants of one entity: its state was loaded at seq.
type part struct {
	entity eventstore.Entity
	seq    uint64
	events []eventstore.NewEvent
}

// draft gathers the parts of a decision over several entities.
type draft struct{ parts []part }

// add decides on one entity of an identity and adds the outcome to the draft.
func add[S any, E identity.Event](ctx context.Context, d *draft, cache *eventstore.Cache[S], e eventstore.Entity, decide func(S) ([]E, error)) error {
	return addTo(ctx, d, cache, e, identity.Schema, decide)
}

// addTo decides on one entity, whose events have a schema, and adds the outcome
// to the draft.
func addTo[S any, E typed](ctx context.Context, d *draft, cache *eventstore.Cache[S], e eventstore.Entity, schema int, decide func(S) ([]E, error)) error {
	st, err := cache.Reload(ctx, e)
	if err != nil {
		return fmt.Errorf("load %s: %w", e, err)
	}
	events, err := decide(st.State)
	if err != nil {
		return err
	}
	encoded, err := encode(schema, events)
	if err == nil && len(encoded) > 0 {
		d.parts = append(d.parts, part{entity: e, seq: st.Seq, events: encoded})
	}
	return err
}

// changeIdentity is the way of every command about identities: it may touch
// several entities, all or none.
func (s *Service) changeIdentity(ctx context.Context, by domain.Actor, command string, m Meta, about identity.Resource, decide func(*draft) (id string, err error)) (Result, error) {
	return s.run(by, command, m, about, func(cmd eventstore.Command) (Result, error) {
		return s.settle(ctx, cmd, decide)
	})
}

// settle is appendDraft that returns when this node decides by what it wrote.
func (s *Service) settle(ctx context.Context, cmd eventstore.Command, decide func(*draft) (id string, err error)) (Result, error) {
	res, err := s.appendDraft(ctx, cmd, decide)
	if err != nil || res.Seq == 0 {
		return res, err
	}
	if err := s.directory.Await(ctx, res.Seq); err != nil {
		return res, fmt.Errorf("await what was written: %w", err)
	}
	return res, nil
}

// appendDraft decides and appends until nobody was faster.
func (s *Service) appendDraft(ctx context.Context, cmd eventstore.Command, decide func(*draft) (id string, err error)) (Result, error) {
	return retry(func() (Result, error) {
		var d draft
		id, err := decide(&d)
		if err != nil || len(d.parts) == 0 {
			return Result{ID: id}, err
		}
		decision := eventstore.Decision{Command: cmd}
		for _, p := range d.parts {
			decision.Writes = append(decision.Writes, eventstore.Write{Entity: p.entity, Expect: p.seq, Events: p.events})
		}
		receipt, err := s.store.Append(ctx, decision)
		if err != nil {
			return Result{}, fmt.Errorf("write %s: %w", d.parts[0].entity, err)
		}
		return Result{ID: id, Seq: receipt.Last(), Repeat: receipt.Repeat}, nil
	})
}

// identityEntity is an entity of kind "identity".
func identityEntity(tenant, id string) eventstore.Entity {
	return eventstore.Entity{Tenant: tenant, Kind: identity.EntityKind, ID: id}
}

// tenantEntity is where a tenant's roles and policies stand.
func tenantEntity(tenant string) eventstore.Entity {
	return identityEntity(tenant, keyedID("tenant", tenant))
}

// rights is what an actor may do where it acts.
func (s *Service) rights(by domain.Actor) identity.Rights { return s.directory.RightsOf(by, s.now()) }
