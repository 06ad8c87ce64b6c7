package identity

import (
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Session is the state of one login. A session without a refresh token lives
// as long as its one access token.
type Session struct {
	ID        string
	Principal string
	Client    string    // program that logged in, such as "mesh-cli"
	Methods   []string  // how the principal proved itself (RFC 8176), such as "pwd", "otp"
	Scopes    []string  // permissions that its tokens are limited to; none = all of its principal
	Actor     string    // agent that acts for the principal, when it is a delegation
	Verifier  string    // SHA-256 of the refresh token that is next, hex; none = cannot be refreshed
	Spent     string    // marks of all refresh tokens before it, one after another
	ExpiresAt time.Time // when it ends even if it is used
	StartedAt time.Time
	Ended     bool
}

// MaxRefreshes is how often a session can be refreshed. All of its spent tokens
// are remembered: were the older ones forgotten, a thief could refresh until the
// token of the owner is one of them, and the owner's return would tell nothing.
const MaxRefreshes = 4096

// markLength is how many hex digits of a verifier tell a spent refresh token
// from one that never was: who guesses one ends a session and gets nothing.
const markLength = 8

func mark(verifier string) string { return fmt.Sprintf("%-*.*s", markLength, markLength, verifier) }

// spent reports whether a refresh token was changed for another before.
func (s Session) spent(verifier string) bool {
	sought := mark(verifier)
	for i := 0; i < len(s.Spent); i += markLength {
		if s.Spent[i:i+markLength] == sought {
			return true
		}
	}
	return false
}

// SessionEvent is a fact about a session.
type SessionEvent interface {
	Event
	applySession(s Session, at time.Time) Session
}

// SessionStarted is the first event of a session.
type SessionStarted struct {
	fact
	Principal string    `json:"principal"`
	Client    string    `json:"client"`
	Methods   []string  `json:"methods,omitempty"`
	Scopes    []string  `json:"scopes,omitempty"`
	Actor     string    `json:"actor,omitempty"`
	Verifier  string    `json:"verifier,omitempty"`
	Source    string    `json:"source,omitempty"` // keyed hash of the address
	ExpiresAt time.Time `json:"expires_at"`
}

// SessionRefreshed says that the refresh token was changed for the next one.
type SessionRefreshed struct {
	fact
	Verifier string `json:"verifier"`
}

// ReuseDetected says that a refresh token came a second time: one of its two
// bearers is a thief, and the session ends.
type ReuseDetected struct {
	fact
	Source string `json:"source,omitempty"` // keyed hash of the address
}

// SessionEnded says that the session and its tokens are of no more use.
type SessionEnded struct {
	fact
	Reason string `json:"reason,omitempty"`
}

// The wire names.

func (SessionStarted) Type() string   { return "session.started" }
func (SessionRefreshed) Type() string { return "session.refreshed" }
func (ReuseDetected) Type() string    { return "session.reuse_detected" }
func (SessionEnded) Type() string     { return "session.ended" }

func (e SessionStarted) applySession(s Session, at time.Time) Session {
	s.Principal, s.Client, s.Methods, s.Scopes, s.Actor = e.Principal, e.Client, e.Methods, e.Scopes, e.Actor
	s.Verifier, s.ExpiresAt, s.StartedAt = e.Verifier, e.ExpiresAt, at
	return s
}

func (e SessionRefreshed) applySession(s Session, _ time.Time) Session {
	s.Spent += mark(s.Verifier)
	s.Verifier = e.Verifier
	return s
}

func (e ReuseDetected) applySession(s Session, _ time.Time) Session {
	s.Ended = true
	return s
}

func (e SessionEnded) applySession(s Session, _ time.Time) Session {
	s.Ended = true
	return s
}

// Apply returns s after e, which happened at at.
func (s Session) Apply(e SessionEvent, at time.Time) Session { return e.applySession(s, at) }

// Exists reports whether the session has been started.
func (s Session) Exists() bool { return s.Principal != "" }

// Live reports whether the session's tokens count.
func (s Session) Live(now time.Time) bool {
	return s.Exists() && !s.Ended && !expired(s.ExpiresAt, now)
}

// What is refused about sessions.
var (
	ErrSessionNotFound = &domain.Error{Kind: domain.NotFound, Code: "session_not_found", Field: "session", Message: "no such session"}
	ErrRefresh         = &domain.Error{Kind: domain.Unauthenticated, Code: "refresh_invalid", Message: "the refresh token is not valid; log in again"}
)

// Start begins a session.
func (s Session) Start(e SessionStarted, now time.Time) ([]SessionEvent, error) {
	if s.Exists() {
		return nil, &domain.Error{Kind: domain.Conflict, Code: "session_exists", Message: "the session exists already"}
	}
	if err := domain.CheckText("client", e.Client, MaxName); err != nil {
		return nil, err
	}
	if len(e.Scopes) > 0 {
		if err := CheckPermissions("scope", e.Scopes); err != nil {
			return nil, err
		}
	}
	if expired(e.ExpiresAt, now) || e.ExpiresAt.IsZero() {
		return nil, domain.InvalidField("expires_at", "a session ends in the future")
	}
	return []SessionEvent{e}, nil
}

// Refresh changes the refresh token that is presented for the next one. A
// token that was changed before ends the session (RFC 9700, section 4.14.2);
// the events say which it was. ErrRefresh refuses any other token, and every
// one after MaxRefreshes.
func (s Session) Refresh(presented, next, source string, now time.Time) ([]SessionEvent, error) {
	switch {
	case !s.Live(now) || s.Verifier == "":
		return nil, ErrRefresh
	case presented != s.Verifier: // digests of random values: nothing to learn from timing
		if s.spent(presented) {
			return []SessionEvent{ReuseDetected{Source: source}}, nil
		}
		return nil, ErrRefresh
	case len(s.Spent) >= MaxRefreshes*markLength:
		return nil, ErrRefresh
	}
	return []SessionEvent{SessionRefreshed{Verifier: next}}, nil
}

// End ends the session.
func (s Session) End(reason string) ([]SessionEvent, error) {
	switch err := checkReason(reason); {
	case err != nil:
		return nil, err
	case !s.Exists():
		return nil, ErrSessionNotFound
	case s.Ended:
		return nil, nil
	}
	return []SessionEvent{SessionEnded{Reason: reason}}, nil
}
