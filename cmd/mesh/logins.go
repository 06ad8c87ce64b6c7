package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/internal/flock"
)

// logins is where the command line keeps the sessions of its user, one a mesh,
// in a file that only the user may read. Processes take turns: a refresh token
// is good for one of them.
type logins struct{ path string }

// session is one login.
type session struct {
	Login     string    `json:"login"`
	Tenant    string    `json:"tenant"`
	Access    string    `json:"access_token"`
	ExpiresAt time.Time `json:"expires_at"`
	Refresh   string    `json:"refresh_token"`
}

func (a *app) logins() logins {
	dir := a.env.get("XDG_CONFIG_HOME")
	if dir == "" {
		dir = filepath.Join(a.env.get("HOME"), ".config")
	}
	return logins{path: filepath.Join(dir, "hivemesh", "logins.json")}
}

// of returns the session at a mesh, if there is one.
func (l logins) of(url string) (session, bool, error) {
	all, err := l.read()
	s, ok := all[url]
	return s, ok, err
}

func (l logins) read() (map[string]session, error) {
	all := map[string]session{}
	data, err := os.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the logins: %w", err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, &failure{Exit: exitFailed, Code: "bad_logins", Message: fmt.Sprintf("%s is damaged", l.path), Hint: "remove it and log in again"}
	}
	return all, nil
}

// change changes the sessions, one process at a time.
func (l logins) change(ctx context.Context, do func(map[string]session) error) error {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	lock, err := flock.Wait(ctx, l.path+".lock")
	if err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	defer lock.Release() //nolint:errcheck // it ends with the process
	all, err := l.read()
	if err != nil {
		return err
	}
	if err := do(all); err != nil {
		return err
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	next := l.path + ".next"
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	return os.Rename(next, l.path)
}

// keep stores what a login ended with.
func (l logins) keep(ctx context.Context, url, tenant, login string, t client.Tokens) error {
	return l.change(ctx, func(all map[string]session) error {
		all[url] = renewed(session{Login: login, Tenant: tenant}, t)
		return nil
	})
}

func renewed(s session, t client.Tokens) session {
	s.Access, s.Refresh, s.ExpiresAt = t.AccessToken, t.RefreshToken, time.Now().Add(time.Duration(t.ExpiresIn)*time.Second)
	return s
}

// refreshBefore is how long before its end an access token is changed.
const refreshBefore = time.Minute

// source returns a client.Source of the session at a mesh.
func (l logins) source(url string, anonymous *client.Client) client.Source {
	return func(ctx context.Context) (string, error) {
		s, ok, err := l.of(url)
		if err != nil || !ok || time.Until(s.ExpiresAt) > refreshBefore {
			return s.Access, err
		}
		err = l.change(ctx, func(all map[string]session) error {
			if s = all[url]; time.Until(s.ExpiresAt) > refreshBefore { // another process was faster
				return nil
			}
			t, err := anonymous.Refresh(ctx, s.Refresh)
			if err != nil {
				return fmt.Errorf("continue the login of %s: %w", s.Login, err)
			}
			s = renewed(s, t)
			all[url] = s
			return nil
		})
		return s.Access, err
	}
}
