package embedded

import (
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// authTimeout is how many seconds a connection may take to be let in. When ten
// thousand agents come back at once, the last waits for all the others.
const authTimeout = 30

// Callout makes the server ask who a connection belongs to and what it may do,
// for every connection but the mesh's own (NATS auth callout, ADR-26). Package
// auth/natsauth answers. Until someone does, nobody but the mesh gets in.
//
// The keys need not outlive the server: a client that comes back is asked
// about anew. They are given when several processes answer for one server.
type Callout struct {
	Issuer nkeys.KeyPair // an account key that signs the answers; nil = a fresh one
	XKey   nkeys.KeyPair // a curve key that requests and answers are encrypted to; nil = not encrypted
}

// filled returns a copy with the issuer made when it is missing.
func (c *Callout) filled() (*Callout, error) {
	if c == nil || c.Issuer != nil {
		return c, nil
	}
	issuer, err := nkeys.CreateAccount()
	if err != nil {
		return nil, fmt.Errorf("make the key of the callout: %w", err)
	}
	return &Callout{Issuer: issuer, XKey: c.XKey}, nil
}

// apply sets the server's options: the mesh logs in with its password, all
// others by the callout, in the one account that all share.
func (c *Callout) apply(opts *server.Options) error {
	issuer, err := c.Issuer.PublicKey()
	if err != nil {
		return fmt.Errorf("key of the callout: %w", err)
	}
	opts.AuthTimeout = authTimeout
	opts.AuthCallout = &server.AuthCallout{Issuer: issuer, Account: server.DEFAULT_GLOBAL_ACCOUNT, AuthUsers: []string{meshUser}}
	if c.XKey == nil {
		return nil
	}
	if opts.AuthCallout.XKey, err = c.XKey.PublicKey(); err != nil {
		return fmt.Errorf("encryption key of the callout: %w", err)
	}
	return nil
}

// Callout returns the keys that the callout is answered with, and nothing for
// a server without one.
func (n *NATS) Callout() Callout {
	if n.cfg.Callout == nil {
		return Callout{}
	}
	return *n.cfg.Callout
}
