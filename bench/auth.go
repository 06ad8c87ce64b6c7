package bench

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/auth/token"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

const (
	authTokens     = 20_000
	authPrincipals = 1_000
	authAudience   = "bench"
	authIssuer     = "urn:bench"
)

// authentication measures what a request pays for being known: the full check of
// its access token (parse, signature, session, revocation, decision by roles),
// with tokens that were never seen before and with one that comes again, beside
// the signature check of golang-jwt alone.
func authentication(_ context.Context, o Options) error {
	var issued, bareIssued, rate, bareRate, p95, again sample
	for range o.Runs {
		w, err := newAuthWorld()
		if err != nil {
			return err
		}
		tokens := make([]string, authTokens)
		began := time.Now()
		if err := w.each(func(i int) (err error) { tokens[i], err = token.Issue(w.key, w.claims(i)); return err }); err != nil {
			return err
		}
		issued = append(issued, perSecond(authTokens, time.Since(began)))
		began = time.Now()
		if err := w.each(func(i int) error { _, err := w.bareIssue(i); return err }); err != nil {
			return err
		}
		bareIssued = append(bareIssued, perSecond(authTokens, time.Since(began)))
		took, total, err := w.checkAll(tokens)
		if err != nil {
			return err
		}
		rate, p95 = append(rate, perSecond(authTokens, total)), append(p95, took.at(0.95))
		began = time.Now()
		if err := w.each(func(i int) error { return w.bareCheck(tokens[i]) }); err != nil {
			return err
		}
		bareRate = append(bareRate, perSecond(authTokens, time.Since(began)))
		same := slices.Repeat(tokens[:1], authTokens)
		if took, _, err = w.checkAll(same); err != nil {
			return err
		}
		again = append(again, took.at(0.95))
	}
	o.Report(figure("tokens_issued", "tokens/s", issued, "golang-jwt alone", bareIssued))
	o.Report(figure("requests_checked", "checks/s", rate, "golang-jwt alone: the signature", bareRate))
	o.Report(figure("request_check_p95", "ms", p95, "the parent's published figure, JWT and authorisation", sample{42.3 + 87.1}))
	o.Report(figure("request_check_again_p95", "ms", again, "the parent's published figure, middleware", sample{6.8}))
	return nil
}

// authWorld is a directory of principals with roles and sessions, and a key.
type authWorld struct {
	key   token.Key
	dir   *identity.Directory
	check *auth.Authenticator
}

func newAuthWorld() (*authWorld, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	w := &authWorld{key: token.Key{ID: "bench", Private: private}, dir: identity.NewDirectory()}
	at, seq := time.Now().Add(-time.Minute), uint64(0)
	apply := func(id string, e identity.Event) {
		seq++
		w.dir.Apply(domain.DefaultTenant, id, seq, e, at.Add(time.Duration(seq)*time.Microsecond))
	}
	apply("tenant", identity.TenantCreated{Name: domain.DefaultTenant})
	for i := range authPrincipals {
		apply(principalID(i), identity.PrincipalCreated{Kind: domain.Human, Name: principalID(i)})
		apply("tenant", identity.RoleGranted{Grant: identity.Grant{Principal: principalID(i), Role: identity.RoleDeveloper}})
		apply("session-"+principalID(i), identity.SessionStarted{Principal: principalID(i), Client: "bench", ExpiresAt: time.Now().Add(time.Hour)})
	}
	verifier := token.NewVerifier(token.Config{Issuer: authIssuer, Audience: authAudience, Key: func(string) (ed25519.PublicKey, bool) { return public, true }})
	w.check = auth.New(auth.Config{Directory: w.dir, Tokens: verifier})
	return w, nil
}

func principalID(i int) string { return fmt.Sprintf("principal-%06d", i%authPrincipals) }

func (w *authWorld) claims(i int) token.Claims {
	now := time.Now()
	return token.Claims{
		Issuer: authIssuer, Audience: authAudience, Subject: principalID(i), Client: "bench", Tenant: domain.DefaultTenant,
		Session: "session-" + principalID(i), ID: fmt.Sprint("token-", i), IssuedAt: now, Expires: now.Add(token.Lifetime),
	}
}

// each does something for every token, on all processors.
func (w *authWorld) each(do func(i int) error) error {
	n := runtime.GOMAXPROCS(0)
	errs := make([]error, n)
	var all sync.WaitGroup
	for worker := range n {
		all.Go(func() {
			for i := worker; i < authTokens && errs[worker] == nil; i += n {
				errs[worker] = do(i)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// checkAll checks all tokens as a request does, and returns how long each took
// in ms.
func (w *authWorld) checkAll(tokens []string) (sample, time.Duration, error) {
	took := make(sample, len(tokens))
	began := time.Now()
	err := w.each(func(i int) error {
		start := time.Now()
		by, err := w.check.Authenticate(tokens[i], netip.Addr{})
		if err == nil && !w.dir.Decide(by, "task.submit", identity.Resource{Kind: "task"}, start).Allowed {
			err = errors.New("not permitted")
		}
		took[i] = ms(time.Since(start))
		return err
	})
	return took, time.Since(began), err
}

func (w *authWorld) bareIssue(i int) (string, error) {
	c := w.claims(i)
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.RegisteredClaims{
		Issuer: c.Issuer, Subject: c.Subject, Audience: jwt.ClaimStrings{c.Audience}, ID: c.ID,
		IssuedAt: jwt.NewNumericDate(c.IssuedAt), ExpiresAt: jwt.NewNumericDate(c.Expires),
	})
	return t.SignedString(w.key.Private)
}

func (w *authWorld) bareCheck(signed string) error {
	public := w.key.Private.Public()
	_, err := jwt.ParseWithClaims(signed, &jwt.RegisteredClaims{}, func(*jwt.Token) (any, error) { return public, nil }, jwt.WithValidMethods([]string{"EdDSA"}))
	return err
}
