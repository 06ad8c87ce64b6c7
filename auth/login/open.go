package login

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/auth/limit"
	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/auth/policy"
	"github.com/hivemesh/hivemesh/auth/token"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

// OpenConfig is what the identities of a node need.
type OpenConfig struct {
	JetStream jetstream.JetStream
	Store     *eventstore.Store
	Replicas  int
	Commands  commands.Config   // Store, Directory and Secret are filled in
	RenewRoot bool              // give root a new key
	Passwords password.Params   // what hashing one costs
	Breached  password.Breached // knows stolen passwords; nil = not asked
	PublicURL string            // see Config.PublicURL; empty = there are no passkeys
	Providers []ProviderConfig  // of logins; they may be down
	Log       zerolog.Logger
}

// Node is everything about identities that one node runs on.
type Node struct {
	Directory *identity.Directory
	Commands  *commands.Service
	Auth      *auth.Authenticator
	Login     *Service
	Issuer    string
	RootKey   string // of root, if this made it
	Welcome   string // invitation of the first person, if this made root
}

// Open reads who may do what. In a new mesh it makes the root, and the keys.
// Whoever runs the node follows the directory from then on.
func Open(ctx context.Context, cfg OpenConfig) (Node, error) {
	keys, err := auth.Setup(ctx, cfg.JetStream, cfg.Replicas)
	if err != nil {
		return Node{}, err
	}
	pending, err := OpenPending(ctx, cfg.JetStream, cfg.Replicas)
	if err != nil {
		return Node{}, err
	}
	n := Node{Directory: identity.NewDirectory(), Issuer: "urn:hivemesh:" + cfg.Store.Epoch()}
	lockout := limit.NewLockout(limit.LockoutConfig{Key: keys.SourceSecret})
	load := func() error {
		return commands.LoadDirectory(ctx, cfg.Store, n.Directory, cfg.Log, commands.Watch{Started: knows(lockout, n.Directory)})
	}
	if err := load(); err != nil {
		return n, err
	}
	cfg.Commands.Store, cfg.Commands.Directory, cfg.Commands.Secret = cfg.Store, n.Directory, keys.NameSecret
	refusals := newDenials()
	cfg.Commands.Denied = refusals.told
	cfg.Commands.Policies = policy.New(n.Directory).Decide
	n.Commands = commands.New(cfg.Commands)
	signer := keys.Signer(n.Directory)
	verifier := token.NewVerifier(token.Config{Issuer: n.Issuer, Audience: Audience, Key: signer.Public})
	used := newUses()
	n.Auth = auth.New(auth.Config{Directory: n.Directory, Tokens: verifier, Used: used.told})
	hasher, err := password.New(password.Config{Params: cfg.Passwords, Slots: runtime.GOMAXPROCS(0)})
	if err != nil {
		return n, fmt.Errorf("hash passwords: %w", err)
	}
	rules, err := password.NewPolicy(password.PolicyConfig{
		Product: "hivemesh", Breached: cfg.Breached,
		Unanswered: func(_ context.Context, err error) {
			cfg.Log.Warn().Err(err).Msg("a password was set without knowing whether it is breached")
		},
	})
	if err != nil {
		return n, fmt.Errorf("judge passwords: %w", err)
	}
	party, err := relyingParty(cfg.PublicURL)
	if err != nil {
		return n, err
	}
	n.Login, err = New(Config{
		Commands: n.Commands, Directory: n.Directory, Keys: keys, Signer: signer, Issuer: n.Issuer,
		Hasher: hasher, Policy: rules, Lockout: lockout, Passkeys: party, Denials: refusals, Uses: used, Pending: pending,
		Providers: cfg.Providers, PublicURL: cfg.PublicURL, Log: cfg.Log,
	})
	if err != nil {
		return n, err
	}
	empty := n.Directory.Seq() == 0
	if n.RootKey, err = n.makeRoot(ctx, cfg.RenewRoot); err != nil {
		return n, err
	}
	if empty && n.RootKey != "" {
		if n.Welcome, err = n.inviteFirst(ctx); err != nil {
			return n, err
		}
	}
	if n.Directory.Keyset().Current == "" {
		if _, err := n.Login.Rotate(ctx, worker(), commands.Meta{}, RotateOverlap); err != nil {
			return n, fmt.Errorf("make the first signing key: %w", err)
		}
	}
	return n, load()
}

// welcomeLife is how long the first person has to come.
const welcomeLife = 24 * time.Hour

func (n Node) inviteFirst(ctx context.Context) (string, error) {
	id := uuid.NewString()
	secret, verifier := auth.NewSecret()
	if err := n.Commands.InviteFirst(ctx, id, verifier, time.Now().Add(welcomeLife)); err != nil {
		return "", fmt.Errorf("invite the first person: %w", err)
	}
	return InvitationText(id, secret), nil
}

// makeRoot makes what a mesh is born with, and returns root's key if it made one.
func (n Node) makeRoot(ctx context.Context, renew bool) (string, error) {
	key, id, verifier := auth.NewAPIKey()
	made, err := n.Commands.Bootstrap(ctx, identity.Credential{ID: id, Type: identity.CredentialAPIKey, Name: "of this machine", Verifier: verifier}, renew)
	if err != nil {
		return "", fmt.Errorf("make the root of the mesh: %w", err)
	}
	if !made {
		return "", nil
	}
	return key, nil
}
