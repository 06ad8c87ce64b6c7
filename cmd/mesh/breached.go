package main

import (
	"net/http"
	"os"
	"strings"

	"github.com/hivemesh/hivemesh/auth/password"
)

// breachedPasswords returns what knows the passwords of a list: of a folder,
// or of a server that is asked. It is nil when from is empty.
func breachedPasswords(from string) (password.Breached, error) {
	var known password.Breached
	var err error
	switch {
	case from == "":
		return nil, nil
	case strings.Contains(from, "://"):
		asker := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
		known, err = password.NewRange(password.RangeConfig{URL: from, Client: asker})
	default:
		known, err = password.NewFolder(os.DirFS(from))
	}
	if err != nil {
		return nil, &failure{Exit: exitUsage, Code: "bad_breached_passwords", Field: "breached-passwords", Message: "--breached-passwords: " + err.Error(), Hint: "give a folder that the downloader of Have I Been Pwned filled, or https://api.pwnedpasswords.com/range/"}
	}
	return known, nil
}
