package projections

import (
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/identity"
)

func identitiesDefinition() definition {
	return definition{
		name: "identities", version: 1, kinds: []string{identity.EntityKind}, open: newIdentities,
		tables: slices.Concat(tenantTables(), principalTables(), sessionTables(), invitationTables()),
	}
}

// identities is the read model of tenants, principals, sessions and
// invitations: what can be told of them. What lets somebody in, the verifiers,
// ciphertexts and public keys, stays in the log. Nothing is decided by these
// rows; identity.Directory decides.
//
// Each row belongs to one entity: the roles, grants and policies of a tenant to
// the tenant, credentials to their principal. The keys that tokens are signed
// with have no rows.
type identities struct{ parts []identityPart }

// identityPart keeps the rows of one sort of entity. Its methods are as those
// of model.
type identityPart interface {
	// takes reports whether an event is of this sort of entity.
	takes(e identity.Event) bool
	load(b *pgx.Batch, schema string, items []*item)
	fold(it *item) error
	flush(b *pgx.Batch, schema string)
	settle()
	reset()
}

func newIdentities() model {
	return &identities{parts: []identityPart{newTenants(), newPrincipals(), newSessions(), newInvitations()}}
}

func (i *identities) asks(kind string) bool { return kind == identity.EntityKind }

func (i *identities) check(it *item) error { return it.decodable() }

func (i *identities) load(b *pgx.Batch, schema string, items []*item) {
	for _, p := range i.parts {
		own := make([]*item, 0, len(items))
		for _, it := range items {
			if p.takes(it.identity) {
				own = append(own, it)
			}
		}
		p.load(b, schema, own)
	}
}

func (i *identities) fold(it *item) error {
	for _, p := range i.parts {
		if p.takes(it.identity) {
			return p.fold(it)
		}
	}
	return nil // of the keyset
}

func (i *identities) flush(b *pgx.Batch, schema string) {
	for _, p := range i.parts {
		p.flush(b, schema)
	}
}

func (i *identities) settle() {
	for _, p := range i.parts {
		p.settle()
	}
}

func (i *identities) reset() {
	for _, p := range i.parts {
		p.reset()
	}
}

// ownRow is what the rows of all entities have.
type ownRow struct {
	rowKey
	firstSeq, seq uint64
	updated       time.Time
	dirty         bool
}

// turn takes in that an event changes the row. It returns false for one that
// is in it already.
func (r *ownRow) turn(it *item) bool {
	if it.Seq <= r.seq {
		return false
	}
	r.seq, r.updated, r.dirty = it.Seq, it.Time, true
	return true
}

func newRow(it *item) ownRow { return ownRow{rowKey: it.row(), firstSeq: it.Seq} }

// cleaned is list for names that may hold anything.
func cleaned(names []string) *string {
	tidy := make([]string, len(names))
	for i, n := range names {
		tidy[i] = clean(n)
	}
	return list(tidy)
}
