package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// logins is where the command line keeps the sessions of its user, one a mesh
// and one a context. Processes take turns: a refresh token is good for one of
// them.
type logins struct{ file kept[map[string]session] }

// session is one login.
type session struct {
	Login     string    `json:"login"`
	Tenant    string    `json:"tenant"`
	Access    string    `json:"access_token"`
	ExpiresAt time.Time `json:"expires_at"`
	Refresh   string    `json:"refresh_token"`
}

func (a *app) logins() logins {
	return logins{kept[map[string]session]{path: filepath.Join(configDir(a.env), "logins.json")}}
}

// loginKey names the session at a mesh: a context has one of its own.
func (a *app) loginKey(url string) string {
	url = strings.TrimSuffix(url, "/")
	if c := a.settings.context; c.inForce {
		return c.name + "@" + url
	}
	return url
}

// of returns the session of a key, if there is one.
func (l logins) of(key string) (session, bool, error) {
	all, err := l.file.read()
	s, ok := all[key]
	return s, ok, err
}

// keep stores what a login ended with.
func (l logins) keep(ctx context.Context, key, tenant, login string, t client.Tokens) error {
	return l.file.change(ctx, func(all *map[string]session) error {
		if *all == nil {
			*all = map[string]session{}
		}
		(*all)[key] = renewed(session{Login: login, Tenant: tenant}, t)
		return nil
	})
}

// forget removes a session.
func (l logins) forget(ctx context.Context, key string) error {
	return l.file.change(ctx, func(all *map[string]session) error {
		delete(*all, key)
		return nil
	})
}

func renewed(s session, t client.Tokens) session {
	s.Access, s.Refresh, s.ExpiresAt = t.AccessToken, t.RefreshToken, time.Now().Add(time.Duration(t.ExpiresIn)*time.Second)
	return s
}

// refreshBefore is how long before its end an access token is changed.
const refreshBefore = time.Minute

// source returns a client.Source of a session.
func (l logins) source(key string, anonymous *client.Client) client.Source {
	return func(ctx context.Context) (string, error) {
		s, ok, err := l.of(key)
		if err != nil || !ok || time.Until(s.ExpiresAt) > refreshBefore {
			return s.Access, err
		}
		err = l.file.change(ctx, func(all *map[string]session) error {
			if s = (*all)[key]; s.Refresh == "" || time.Until(s.ExpiresAt) > refreshBefore { // another process was faster
				return nil
			}
			t, err := anonymous.Refresh(ctx, s.Refresh)
			if err != nil {
				return fmt.Errorf("continue the login of %s: %w", s.Login, err)
			}
			s = renewed(s, t)
			(*all)[key] = s
			return nil
		})
		return s.Access, err
	}
}
