package identity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

func foldSession(events ...identity.SessionEvent) identity.Session {
	s := identity.Session{ID: "s"}
	for _, e := range events {
		s = s.Apply(e, instant(0))
	}
	return s
}

func started(more ...identity.SessionEvent) []identity.SessionEvent {
	return append([]identity.SessionEvent{identity.SessionStarted{Principal: aliceID, Client: "cli", Verifier: verifier(0), ExpiresAt: instant(50)}}, more...)
}

func verifier(n int) string { return fmt.Sprintf("%08x%s", n, digest[8:]) }

func refreshed(n int) identity.SessionEvent { return identity.SessionRefreshed{Verifier: verifier(n)} }

func TestSession(t *testing.T) {
	t.Parallel()
	type decision func(identity.Session) ([]identity.SessionEvent, error)
	start := func(change func(*identity.SessionStarted)) decision {
		return func(s identity.Session) ([]identity.SessionEvent, error) {
			e := started()[0].(identity.SessionStarted)
			change(&e)
			return s.Start(e, instant(30))
		}
	}
	refresh := func(presented string, at time.Time) decision {
		return func(s identity.Session) ([]identity.SessionEvent, error) {
			return s.Refresh(presented, verifier(9), "a1b2", at)
		}
	}
	end := func(reason string) decision {
		return func(s identity.Session) ([]identity.SessionEvent, error) { return s.End(reason) }
	}
	reuse := []identity.SessionEvent{identity.ReuseDetected{Source: "a1b2"}}
	most := started()
	for i := range identity.MaxRefreshes {
		most = append(most, refreshed(i+1))
	}
	for _, tt := range []struct {
		name    string
		given   []identity.SessionEvent
		when    decision
		then    []identity.SessionEvent
		refusal string
	}{
		{"started", nil, start(func(*identity.SessionStarted) {}), started(), ""},
		{"started twice", started(), start(func(*identity.SessionStarted) {}), nil, "session_exists"},
		{"client too long", nil, start(func(e *identity.SessionStarted) { e.Client = strings.Repeat("c", identity.MaxName+1) }), nil, "invalid:client"},
		{"scope that is no action", nil, start(func(e *identity.SessionStarted) { e.Scopes = []string{"openid"} }), nil, "invalid:scope"},
		{"for ever", nil, start(func(e *identity.SessionStarted) { e.ExpiresAt = never }), nil, "invalid:expires_at"},
		{"over at once", nil, start(func(e *identity.SessionStarted) { e.ExpiresAt = instant(30) }), nil, "invalid:expires_at"},
		{"refreshed", started(), refresh(verifier(0), instant(49)), []identity.SessionEvent{refreshed(9)}, ""},
		{"refreshed too late", started(), refresh(verifier(0), instant(50)), nil, "refresh_invalid"},
		{"refreshed by an unknown token", started(), refresh(verifier(1), instant(1)), nil, "refresh_invalid"},
		{"refreshed by a spent token", started(refreshed(1)), refresh(verifier(0), instant(1)), reuse, ""},
		{"refreshed by the first of many", most, refresh(verifier(0), instant(1)), reuse, ""},
		{"refreshed too often", most, refresh(verifier(identity.MaxRefreshes), instant(1)), nil, "refresh_invalid"},
		{"refreshed after it ended", started(identity.SessionEnded{}), refresh(verifier(0), instant(1)), nil, "refresh_invalid"},
		{"refreshed after a reuse", started(refreshed(1), identity.ReuseDetected{}), refresh(verifier(1), instant(1)), nil, "refresh_invalid"},
		{"refreshed while unknown", nil, refresh(verifier(0), instant(1)), nil, "refresh_invalid"},
		{"without refresh token", []identity.SessionEvent{identity.SessionStarted{Principal: aliceID, ExpiresAt: instant(50)}}, refresh("", instant(1)), nil, "refresh_invalid"},
		{"ended", started(), end("done"), []identity.SessionEvent{identity.SessionEnded{Reason: "done"}}, ""},
		{"ended twice", started(identity.SessionEnded{}), end(""), nil, ""},
		{"ended while unknown", nil, end(""), nil, "session_not_found"},
		{"reason too long", started(), end(strings.Repeat("r", identity.MaxReason+1)), nil, "invalid:reason"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.when(foldSession(tt.given...))
			check(t, got, err, tt.then, tt.refusal)
		})
	}
}

// Whoever presents tokens in whatever order: the newest refreshes, one that was
// spent ends the session for good, and any other does nothing.
func TestOnlyTheNewestTokenRefreshes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s, newest, ended := foldSession(started()...), 0, false
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			presented := rapid.IntRange(max(0, newest-12), newest+1).Draw(r, "presented")
			if rapid.Bool().Draw(r, "properly") {
				presented = newest
			}
			events, err := s.Refresh(verifier(presented), verifier(newest+1), "", instant(1))
			for _, e := range events {
				s = s.Apply(e, instant(1))
			}
			switch {
			case ended || presented > newest:
				if err == nil || len(events) > 0 {
					r.Fatalf("token %d of %d, ended %t: %v, %v", presented, newest, ended, events, err)
				}
			case presented < newest:
				ended = true
			default:
				newest++
			}
			if s.Live(instant(1)) == ended || s.Verifier != verifier(newest) {
				r.Fatalf("token %d of %d: live %t, next %s", presented, newest, s.Live(instant(1)), s.Verifier)
			}
		}
	})
}

func TestSessionOfTheDirectory(t *testing.T) {
	t.Parallel()
	d := newWorld(t)
	d.person("acme", "a", domain.Human)
	d.apply("acme", "s", identity.SessionStarted{Principal: "a", ExpiresAt: instant(50)})
	if _, ok := d.Session("s", instant(49)); !ok {
		t.Error("a session that lives does not count")
	}
	if _, ok := d.Session("s", instant(50)); ok {
		t.Error("a session counts at its end")
	}
	if got := d.SessionsOf(identity.Ref{Tenant: "acme", ID: "a"}); len(got) != 1 || got[0].ID != "s" {
		t.Errorf("sessions of their principal: %v", got)
	}
	d.apply("acme", "a", identity.TokensRevoked{})
	if _, ok := d.Session("s", instant(49)); ok {
		t.Error("a session counts that is older than a revocation of all")
	}
}
