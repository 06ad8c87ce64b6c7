package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/hivemesh/hivemesh/client"
)

// Files that "mesh up" leaves in its data directory for the command line of
// the same machine.
const (
	tokenFile = "admin.token"
	urlFile   = "mesh.url"
)

// connection is how the mesh is reached, and where each part was found.
type connection struct {
	URL, URLSource     string
	Token, TokenSource string
	login              bool // the user logged in: the token changes over time
}

// connection finds the mesh to talk to. What the data directory says counts
// when flag, environment and file are silent; its credential is only sent to
// the mesh of this machine.
func (a *app) connection() (connection, error) { return a.connectionFrom(a.source) }

// connectionFrom is connection with the way to name a setting's source.
func (a *app) connectionFrom(source func(flag string) string) (connection, error) {
	chosen := a.settings.context
	if chosen.err != nil {
		return connection{}, chosen.err
	}
	c := connection{URL: a.root.URL, Token: a.root.Token}
	local, err := readLine(filepath.Join(a.root.Data, urlFile))
	if err != nil {
		return connection{}, err
	}
	switch {
	case c.URL != "":
		c.URLSource = source("url")
	case local != "":
		c.URL, c.URLSource = local, "file "+filepath.Join(a.root.Data, urlFile)
	default:
		c.URL, c.URLSource = client.DefaultURL, "default"
	}
	if err := checkURL(c.URL); err != nil {
		return connection{}, err
	}
	err = a.credential(&c, local, source)
	return c, err
}

// credential finds the credential for the mesh of a connection; local is the
// address of the mesh in the data directory.
func (a *app) credential(c *connection, local string, source func(flag string) string) (err error) {
	chosen := a.settings.context
	switch {
	case c.Token != "":
		c.TokenSource = source("token")
	case chosen.inForce && chosen.TokenFile != "":
		c.TokenSource = "file " + chosen.TokenFile
		c.Token, err = chosen.token()
	case a.loggedIn(c):
	case c.URL == local || isLoopback(c.URL):
		path := filepath.Join(a.root.Data, tokenFile)
		if c.Token, err = readLine(path); c.Token != "" {
			c.TokenSource = "file " + path
		}
	}
	return err
}

// connect returns a client of the mesh.
func (a *app) connect() (*client.Client, error) {
	c, err := a.connection()
	if err != nil {
		return nil, err
	}
	cfg := client.Config{URL: c.URL, Token: c.Token, Tenant: a.root.ActIn, UserAgent: "mesh/" + buildVersion().Version, At: a.at}
	if c.login {
		anonymous, err := client.New(client.Config{URL: c.URL, UserAgent: cfg.UserAgent})
		if err != nil {
			return nil, err
		}
		cfg.Source = a.logins().source(a.loginKey(c.URL), anonymous)
	}
	return client.New(cfg)
}

// loggedIn reports whether the user has a session at the mesh, and takes it.
func (a *app) loggedIn(c *connection) bool {
	s, ok, err := a.logins().of(a.loginKey(c.URL))
	if err != nil || !ok {
		return false
	}
	c.Token, c.TokenSource, c.login = s.Access, "login of "+s.Login, true
	return true
}

// checkURL refuses an address that could never work.
func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return &failure{Exit: exitUsage, Code: "bad_url", Message: fmt.Sprintf("%q is not the address of a mesh", s), Hint: "give one like " + client.DefaultURL}
	}
	return nil
}

// isLoopback reports whether an address is on this machine.
func isLoopback(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
}

// readLine returns the trimmed content of a file, "" when there is none.
func readLine(path string) (string, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, fs.ErrPermission):
		return "", &failure{Exit: exitDenied, Code: "file_denied", Message: fmt.Sprintf("%s may not be read by this user", path), Hint: "run as the user of the mesh, or set MESH_URL and MESH_TOKEN"}
	case err != nil:
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return strings.TrimSpace(string(text)), nil
}
