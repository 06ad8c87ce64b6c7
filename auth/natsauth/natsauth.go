package natsauth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"
)

const (
	subject      = "$SYS.REQ.USER.AUTH"
	queueGroup   = "mesh"           // one node answers
	defaultSlots = 64               // answers in the making at once
	decideLimit  = 25 * time.Second // of one decision, with the wait until the mesh is there
	drainLimit   = 10 * time.Second
	refusals     = 10 // logged in a second
)

// Request is what a client presents when it connects. Nothing in it is true
// before Decide has checked it.
type Request struct {
	User, Password string
	Token          string // of nats.Token; the server forgets it after the answer, a password it keeps
	ClientAddr     string // where the client comes from, without port; empty within the process
	ClientKind     string // "nats", "websocket", "mqtt" or "leafnode"
	Name           string // the connection's, as in nats.Name
}

// Grant is what a connection may do.
type Grant struct {
	ID                 string // of the principal
	Tenant             string
	Publish, Subscribe []string  // subjects, wildcards allowed; empty = none
	Expires            time.Time // the server closes the connection then, up to a second earlier; zero = never
}

// Config is what Serve needs. All but XKey, Account, Slots and Log must be set.
type Config struct {
	NATS   *nats.Conn    // a connection that the server does not ask about
	Issuer nkeys.KeyPair // the account key that the server takes answers from
	XKey   nkeys.KeyPair // the curve key that the server encrypts requests to; nil = they are not encrypted
	// Decide says what a client may do. Any error refuses the connection; its
	// text is logged and never sent. It is called from many goroutines.
	Decide  func(ctx context.Context, r Request) (Grant, error)
	Account string // of the server, that connections are put in; empty = $G
	Slots   int    // decisions at once; 0 = 64
	Log     zerolog.Logger
}

// Serve answers the server's requests until ctx ends; then it takes no more
// and finishes those it has. It fails when a key is not of its kind, and when
// the subscription is refused.
func Serve(ctx context.Context, cfg Config) error {
	r, err := newResponder(cfg)
	if err != nil {
		return err
	}
	slots := make(chan struct{}, r.cfg.Slots)
	var running sync.WaitGroup
	base := context.WithoutCancel(ctx)
	sub, err := cfg.NATS.QueueSubscribe(subject, queueGroup, func(m *nats.Msg) {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			r.serve(base, m)
		})
	})
	if err != nil {
		return fmt.Errorf("listen to auth requests: %w", err)
	}
	<-ctx.Done()
	drained := make(chan struct{})
	sub.SetClosedHandler(func(string) { close(drained) })
	if cfg.NATS.IsConnected() && sub.Drain() == nil { // a server that has stopped asks no more
		select {
		case <-drained:
		case <-time.After(drainLimit):
		}
	}
	running.Wait()
	return nil
}

// newResponder checks the keys and fills in defaults.
func newResponder(cfg Config) (*responder, error) {
	if cfg.Issuer == nil || cfg.Decide == nil || cfg.NATS == nil {
		return nil, errors.New("natsauth: NATS, Issuer and Decide are needed")
	}
	issuer, err := cfg.Issuer.PublicKey()
	if err != nil || !nkeys.IsValidPublicAccountKey(issuer) {
		return nil, errors.New("natsauth: the issuer is not an account key")
	}
	if cfg.XKey != nil {
		if public, err := cfg.XKey.PublicKey(); err != nil || !nkeys.IsValidPublicCurveKey(public) {
			return nil, errors.New("natsauth: the encryption key is not a curve key")
		}
	}
	if cfg.Account == "" {
		cfg.Account = "$G"
	}
	if cfg.Slots <= 0 {
		cfg.Slots = defaultSlots
	}
	cfg.Log = cfg.Log.Sample(&zerolog.BurstSampler{Burst: refusals, Period: time.Second})
	return &responder{cfg: cfg, issuer: issuer}, nil
}
