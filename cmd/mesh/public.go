package main

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// public returns the address by which browsers reach a mesh that listens at an
// address: the one that was given, else the name of this machine for itself, as
// passkeys need a name, else the address listened at. It is written as browsers
// write an origin: in small letters, without the scheme's own port.
func (f browserFlags) public(at net.Addr) (string, error) {
	given := strings.ToLower(strings.TrimSuffix(f.PublicURL, "/"))
	if given == "" {
		given = "http://" + at.String()
		if a, ok := at.(*net.TCPAddr); ok && (a.IP.IsLoopback() || a.IP.IsUnspecified()) {
			given = "http://localhost:" + strconv.Itoa(a.Port)
		}
	}
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Scheme+"://"+u.Host != given {
		return "", usagef("--public-url: %q is not an address such as https://mesh.example.com, without a path", f.PublicURL)
	}
	if u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443" {
		return strings.TrimSuffix(given, ":"+u.Port()), nil
	}
	return given, nil
}
