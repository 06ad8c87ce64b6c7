package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// calloutTimeout lets the last of ten thousand agents that come back at once
// wait for the answers to all the others (4 s of two idle cores), and all of them
// for a mesh that starts. A client that is turned away comes again: that costs
// more than letting it wait.
const calloutTimeout = 30 * time.Second

// Callout makes the server ask who a connection belongs to and what it may do,
// for every connection but the mesh's own (NATS auth callout, ADR-26). Package
// auth/natsauth answers. Until someone does, nobody but the mesh gets in.
//
// The keys need not outlive the server: a client that comes back is asked
// about anew. They are given when several processes answer for one server.
type Callout struct {
	Issuer nkeys.KeyPair // an account key that signs the answers; nil = a fresh one
	XKey   nkeys.KeyPair // a curve key that requests and answers are encrypted to; nil = not encrypted
	// Password of the user that answers; empty = random for this run.
	Password string
	// Timeout is how long a connection waits for its answer; 0 = 30 s. A server
	// that stops waits for those connections too, so whoever answers stops last.
	Timeout time.Duration
}

// filled returns a copy with what is missing; nil stays nil.
func (c *Callout) filled() (*Callout, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // no callout is wanted
	}
	full := *c
	if full.Timeout <= 0 {
		full.Timeout = calloutTimeout
	}
	if full.Password == "" {
		full.Password = rand.Text()
	}
	if full.Issuer == nil {
		var err error
		if full.Issuer, err = nkeys.CreateAccount(); err != nil {
			return nil, fmt.Errorf("make the key of the callout: %w", err)
		}
	}
	return &full, nil
}

// apply sets the server's options: the mesh logs in with its password, all
// others by the callout. Requests go to the system account, where no client
// is: in the clients' account the server would keep a denial of the request's
// subject for each connection, some 2 KB.
func (c *Callout) apply(opts *server.Options) error {
	issuer, err := c.Issuer.PublicKey()
	if err != nil {
		return fmt.Errorf("key of the callout: %w", err)
	}
	system := server.NewAccount(server.DEFAULT_SYSTEM_ACCOUNT)
	opts.Accounts = []*server.Account{system}
	opts.SystemAccount = system.Name
	opts.Users = append(opts.Users, &server.User{Username: authUser, Password: c.Password, Account: system})
	opts.AuthTimeout = c.Timeout.Seconds()
	// By default the server pings two seconds after CONNECT, answered or not;
	// a client that waits for the answer takes that for a broken server and
	// comes again, leaving its connection behind.
	opts.DisableShortFirstPing = true
	opts.AuthCallout = &server.AuthCallout{Issuer: issuer, Account: system.Name, AuthUsers: []string{meshUser, authUser}}
	if c.XKey == nil {
		return nil
	}
	if opts.AuthCallout.XKey, err = c.XKey.PublicKey(); err != nil {
		return fmt.Errorf("encryption key of the callout: %w", err)
	}
	return nil
}

// Callout returns what the callout is answered with, the secrets among it, and
// nothing for a server without one.
func (n *NATS) Callout() Callout {
	if n.cfg.Callout == nil {
		return Callout{}
	}
	return *n.cfg.Callout
}

// ConnectAuth opens the connection within the process that the callout is
// answered on; it is in the system account. ctx limits the connecting. On a
// server without a Callout it fails.
func (n *NATS) ConnectAuth(ctx context.Context, opts ...nats.Option) (*nats.Conn, error) {
	if n.cfg.Callout == nil {
		return nil, errors.New("connect to NATS: the server has no callout")
	}
	return n.connect(ctx, nats.UserInfo(authUser, n.Callout().Password), opts)
}
