package commands_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
)

// household is a log with a root service and some of its principals.
type household struct {
	store   *eventstore.Store
	service *commands.Service
	follows *identity.Directory // the node's own
	root    domain.Actor
}

func startHousehold(t *testing.T) *household {
	t.Helper()
	h := &household{store: must[*eventstore.Store](t)(openStore(t)), follows: identity.NewDirectory()}
	h.follow(t, h.follows)
	h.service = commands.New(commands.Config{Store: h.store, Directory: h.follows, Secret: []byte("secret of the test"), Log: zerolog.Nop()})
	key := identity.Credential{ID: "root-key", Type: identity.CredentialAPIKey, Verifier: hex.EncodeToString(make([]byte, 32))}
	must[bool](t)(h.service.Bootstrap(t.Context(), key, false))
	h.settle(t, h.follows)
	p, _ := h.follows.PrincipalNamed(domain.DefaultTenant, commands.RootName)
	h.root = domain.Actor{Tenant: domain.DefaultTenant, ID: p.ID, Kind: domain.Service}
	return h
}

func openStore(t *testing.T) (*eventstore.Store, error) {
	t.Helper()
	nc, err := embeddedtest.NATS(t).Connect(t.Context())
	if err != nil {
		return nil, err
	}
	store, err := eventstore.Open(t.Context(), nc, eventstore.Config{Stream: "EVENTS", Log: zerolog.Nop()})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := store.Close(context.Background()); err != nil {
			t.Error(err)
		}
		nc.Close()
	})
	return store, nil
}

// follow keeps a directory current until the test ends.
func (h *household) follow(t *testing.T, d *identity.Directory) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- commands.FollowDirectory(ctx, h.store, d, zerolog.Nop(), commands.Watch{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("follow: %v", err)
		}
	})
}

// settle waits until a directory has read what is in the log.
func (h *household) settle(t *testing.T, d *identity.Directory) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := d.Await(ctx, must[uint64](t)(h.store.LastOf(ctx, identity.EntityKind))); err != nil {
		t.Fatal(err)
	}
}

// load is what a node that starts now knows.
func (h *household) load(t *testing.T) *identity.Directory {
	t.Helper()
	d := identity.NewDirectory()
	if err := commands.LoadDirectory(t.Context(), h.store, d, zerolog.Nop(), commands.Watch{}); err != nil {
		t.Fatal(err)
	}
	return d
}

func (h *household) create(t *testing.T, name string) domain.Actor {
	t.Helper()
	res := must[commands.Result](t)(h.service.CreatePrincipal(t.Context(), h.root, commands.Meta{}, commands.NewPrincipal{Kind: domain.Human, Name: name}))
	grant := identity.Grant{Principal: res.ID, Role: identity.RoleDeveloper}
	must[commands.Result](t)(h.service.GrantRole(t.Context(), h.root, commands.Meta{}, grant, time.Time{}))
	return domain.Actor{Tenant: domain.DefaultTenant, ID: res.ID, Kind: domain.Human}
}

// fromTheFuture writes an event that this binary does not know to an entity.
func (h *household) fromTheFuture(t *testing.T, id string) {
	t.Helper()
	e := eventstore.Entity{Tenant: domain.DefaultTenant, Kind: identity.EntityKind, ID: id}
	history := must[[]eventstore.Record](t)(h.store.History(t.Context(), e, 0))
	expect := uint64(0)
	for _, r := range history {
		expect = r.Seq
	}
	_, err := h.store.Append(t.Context(), eventstore.Decision{
		Command: eventstore.Command{ID: uuid.NewString(), Actor: h.root.ID, Time: time.Now()},
		Writes: []eventstore.Write{{Entity: e, Expect: expect, Events: []eventstore.NewEvent{
			{Type: "principal.frozen", Schema: 1, Data: []byte(`{}`)},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLoadDirectory(t *testing.T) {
	t.Parallel()
	empty := identity.NewDirectory()
	if err := commands.LoadDirectory(t.Context(), must[*eventstore.Store](t)(openStore(t)), empty, zerolog.Nop(), commands.Watch{}); err != nil || empty.Seq() != 0 {
		t.Errorf("an empty log: up to %d, %v", empty.Seq(), err)
	}
	h := startHousehold(t)
	by := h.create(t, "ada")
	must[commands.Result](t)(h.service.SubmitTask(t.Context(), by, commands.Meta{}, input(`1`))) // the log goes on after the identities
	d := h.load(t)
	if d.Seq() != must[uint64](t)(h.store.LastOf(t.Context(), identity.EntityKind)) {
		t.Errorf("loaded up to %d", d.Seq())
	}
	if got := d.Decide(by, "task.submit", identity.Resource{}, time.Now()); !got.Allowed {
		t.Errorf("%+v", got)
	}
	before := d.Seq()
	if err := commands.LoadDirectory(t.Context(), h.store, d, zerolog.Nop(), commands.Watch{}); err != nil || d.Seq() != before {
		t.Errorf("loaded again: up to %d, %v", d.Seq(), err)
	}
}

// TestEventsFromTheFuture: an event that cannot be read may have been a
// restriction, so whoever it is about may do nothing here, on nodes that follow
// and on one that starts. Others go on, and so does the following.
func TestEventsFromTheFuture(t *testing.T) {
	t.Parallel()
	h := startHousehold(t)
	ada, bob := h.create(t, "ada"), h.create(t, "bob")
	session := uuid.NewString()
	must[commands.Result](t)(h.service.StartSession(t.Context(), bob, commands.Meta{}, session, identity.SessionStarted{
		Principal: bob.ID, Client: "mesh-cli", ExpiresAt: time.Now().Add(time.Hour),
	}))
	may := func(by domain.Actor, want string) {
		t.Helper()
		for who, d := range map[string]*identity.Directory{"a node that follows": h.follows, "one that starts": h.load(t)} {
			got := d.Decide(by, "task.submit", identity.Resource{}, time.Now())
			if got.Allowed != (want == "") || !strings.Contains(got.Reason, want) {
				t.Errorf("%s: %+v, want %q", who, got, want)
			}
		}
	}
	live := func(want bool) {
		t.Helper()
		for who, d := range map[string]*identity.Directory{"a node that follows": h.follows, "one that starts": h.load(t)} {
			if _, ok := d.Session(session, time.Now()); ok != want {
				t.Errorf("%s: the session is live: %v", who, ok)
			}
		}
	}
	may(ada, "")
	live(true)

	h.fromTheFuture(t, ada.ID)
	h.settle(t, h.follows)
	may(ada, "newer version")
	may(bob, "")
	live(true)
	_, err := h.service.SubmitTask(t.Context(), ada, commands.Meta{}, input(`1`))
	wantKind(t, err, domain.Denied, "denied")
	_, err = h.service.SuspendPrincipal(t.Context(), h.root, commands.Meta{}, ada.ID, "")
	if err == nil {
		t.Error("a decision was made about an entity with an event that is not known")
	}

	h.fromTheFuture(t, session)
	h.settle(t, h.follows)
	live(false)
	may(bob, "")
	carol := h.create(t, "carol") // the following goes on
	may(carol, "")

	h.fromTheFuture(t, uuid.NewString()) // of nothing that is known: it may be about anybody
	h.settle(t, h.follows)
	may(bob, "newer version")
	may(h.root, "newer version")
}

// TestNoRoleWhileSuspended: who is suspended is given nothing, so that nobody
// counts as an admin who stays and cannot act.
func TestNoRoleWhileSuspended(t *testing.T) {
	t.Parallel()
	h := startHousehold(t)
	ada := h.create(t, "ada")
	super := identity.Grant{Principal: ada.ID, Role: identity.RoleSuperAdmin}
	must[commands.Result](t)(h.service.SuspendPrincipal(t.Context(), h.root, commands.Meta{}, ada.ID, ""))
	_, err := h.service.GrantRole(t.Context(), h.root, commands.Meta{}, super, time.Time{})
	wantKind(t, err, domain.Conflict, "principal_suspended")
	must[commands.Result](t)(h.service.ResumePrincipal(t.Context(), h.root, commands.Meta{}, ada.ID))
	must[commands.Result](t)(h.service.GrantRole(t.Context(), h.root, commands.Meta{}, super, time.Time{}))
}
