package main

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// public returns the address by which browsers reach a mesh that listens on l:
// the one that was given, else the name of this machine for itself, as
// passkeys need a name, else the address listened on.
func (f listenFlags) public(l net.Listener) (string, error) {
	if f.PublicURL == "" {
		if a, ok := l.Addr().(*net.TCPAddr); ok && (a.IP.IsLoopback() || a.IP.IsUnspecified()) {
			return "http://localhost:" + strconv.Itoa(a.Port), nil
		}
		return "http://" + l.Addr().String(), nil
	}
	given := strings.TrimSuffix(f.PublicURL, "/")
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != given {
		return "", usagef("--public-url: %q is not an address such as https://mesh.example.com, without a path", f.PublicURL)
	}
	return given, nil
}
