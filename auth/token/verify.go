package token

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hivemesh/hivemesh/domain"
)

// Config is what a Verifier needs.
type Config struct {
	Issuer   string
	Audience string
	Key      func(id string) (ed25519.PublicKey, bool) // that may have signed; asked at every check
	Now      func() time.Time                          // default time.Now
}

// Verifier checks access tokens. It remembers the tokens whose signature it has
// checked, so that one that is presented again costs a digest. It is safe for
// concurrent use.
type Verifier struct {
	cfg    Config
	mu     sync.RWMutex
	recent map[[sha256.Size]byte]verified
	older  map[[sha256.Size]byte]verified
}

// verified is a token whose signature is known to be good.
type verified struct {
	id     string // of the key
	key    ed25519.PublicKey
	claims Claims
}

// ErrUnknownKey is in the error of a token whose key is not known, which may
// have been made on another node a moment ago.
var ErrUnknownKey = errors.New("the key is not known")

// remembered bounds the tokens of one of the two generations that are kept.
const remembered = 8192

// NewVerifier returns a Verifier.
func NewVerifier(cfg Config) *Verifier {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Verifier{cfg: cfg, recent: map[[sha256.Size]byte]verified{}}
}

// Verify returns what an access token says. It fails with kind Unauthenticated:
// with code token_expired, or token_invalid for every other reason.
func (v *Verifier) Verify(token string) (Claims, error) {
	if len(token) > MaxToken {
		return Claims{}, errInvalid(errors.New("too long"))
	}
	sum := sha256.Sum256([]byte(token))
	known, ok := v.recall(sum)
	if !ok {
		var err error
		if known, err = v.check(token); err != nil {
			return Claims{}, errInvalid(err)
		}
		v.remember(sum, known)
	} else if key, ok := v.cfg.Key(known.id); !ok || !known.key.Equal(key) {
		return Claims{}, errInvalid(errors.New("the key has been retired"))
	}
	if !v.cfg.Now().Before(known.claims.Expires) {
		return Claims{}, &domain.Error{Kind: domain.Unauthenticated, Code: "token_expired", Message: "the token has expired; refresh it or log in again"}
	}
	return known.claims, nil
}

// check does everything that is the same whenever the token is presented.
func (v *Verifier) check(token string) (verified, error) {
	h, payload, err := parts(token)
	if err != nil {
		return verified{}, err
	}
	key, ok := v.cfg.Key(h.Key)
	switch {
	case h.Type != typAccess:
		return verified{}, fmt.Errorf("type %.40q", h.Type)
	case !ok:
		return verified{}, fmt.Errorf("%.64q: %w", h.Key, ErrUnknownKey)
	}
	w, err := claimsOf(token, payload, key, v.cfg.Now())
	switch {
	case err != nil:
		return verified{}, err
	case w.Issuer != v.cfg.Issuer || w.Audience != v.cfg.Audience:
		return verified{}, errors.New("made by or for somebody else")
	case w.Client == "" || w.Session == "" || !domain.ValidTenant(w.Tenant):
		return verified{}, errors.New("a claim is missing")
	}
	return verified{id: h.Key, key: key, claims: w.claims()}, nil
}

// claimsOf checks the signature and the claims, and returns them.
func claimsOf(token string, payload []byte, key ed25519.PublicKey, now time.Time) (wire, error) {
	signed := token[:strings.LastIndexByte(token, '.')]
	signature, err := jwt.NewParser(jwt.WithStrictDecoding()).DecodeSegment(token[len(signed)+1:])
	if err != nil {
		return wire{}, err
	}
	if err := jwt.SigningMethodEdDSA.Verify(signed, signature, key); err != nil {
		return wire{}, err
	}
	var w wire
	if err := object(payload, &w); err != nil {
		return wire{}, err
	}
	return w, w.sound(now)
}

// sound checks the claims that all tokens have.
func (w wire) sound(now time.Time) error {
	if w.Subject == "" || w.ID == "" || w.IssuedAt == 0 || w.Expires == 0 || w.Actor != nil && w.Actor.Subject == "" {
		return errors.New("a claim is missing")
	}
	soon := now.Add(Leeway).Unix()
	switch {
	case w.IssuedAt < 0 || w.IssuedAt > soon || w.NotYet > soon:
		return errors.New("from the future, or from before 1970")
	case w.Expires <= w.IssuedAt || w.over(MaxLifetime):
		return errors.New("of no life, or of too long a life")
	}
	return nil
}

func (v *Verifier) recall(sum [sha256.Size]byte) (verified, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if known, ok := v.recent[sum]; ok {
		return known, true
	}
	known, ok := v.older[sum]
	return known, ok
}

func (v *Verifier) remember(sum [sha256.Size]byte, known verified) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.recent) >= remembered {
		v.older, v.recent = v.recent, make(map[[sha256.Size]byte]verified, remembered)
	}
	v.recent[sum] = known
}

func errInvalid(cause error) error {
	return &domain.Error{Kind: domain.Unauthenticated, Code: "token_invalid", Message: "the token is not valid", Err: cause}
}
