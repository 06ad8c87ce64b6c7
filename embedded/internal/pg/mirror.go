package pg

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const defaultMirror = "http://deb.debian.org/debian"

var debianURI = regexp.MustCompile(`(?m)^[^#\n]*?(https?://\S+/debian)/?(?:\s|$)`)

// mirror returns the Debian mirror that this machine uses, found in apt's
// index, else in its source lists, else the default one.
func mirror(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE)", "Created-By: Packages").Output()
	if err == nil {
		for line := range strings.Lines(string(out)) {
			origin, site, _ := strings.Cut(strings.TrimSpace(line), " ")
			if origin == "Debian" && strings.HasSuffix(strings.TrimSuffix(site, "/"), "/debian") {
				return site
			}
		}
	}
	lists, _ := filepath.Glob("/etc/apt/sources.list.d/*") // fails for a bad pattern only
	for _, list := range append([]string{"/etc/apt/sources.list"}, lists...) {
		text, err := os.ReadFile(list)
		if err != nil {
			continue
		}
		if m := debianURI.FindSubmatch(text); m != nil {
			return string(m[1])
		}
	}
	return defaultMirror
}

// archiveKey returns the path of the keys that Debian signs its archive with.
func archiveKey() (string, error) {
	for _, ext := range []string{"gpg", "pgp"} {
		path := "/usr/share/keyrings/debian-archive-keyring." + ext
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("the archive keys of Debian are not here: apt-get install debian-archive-keyring")
}
