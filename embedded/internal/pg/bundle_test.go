package pg

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

func TestUnneededPackages(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"libc6", "libssl3t64", "postgresql-18", "postgresql-18-pgvector", "patchelf", "libpam0g", "tzdata", "liblz4-1"} {
		if unneeded.MatchString(name) {
			t.Errorf("%s is left out", name)
		}
	}
	for _, name := range []string{"perl", "perl-base", "libpam-runtime", "libllvm19", "postgresql-18-jit-llvm", "postgresql-common-dev", "openssl"} {
		if !unneeded.MatchString(name) {
			t.Errorf("%s is taken along", name)
		}
	}
}

func TestDebianURI(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"deb http://ftp.de.debian.org/debian bookworm main":                       "http://ftp.de.debian.org/debian",
		"deb [arch=amd64] https://mirror.example/pub/debian/ stable main":         "https://mirror.example/pub/debian",
		"Types: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie":          "http://deb.debian.org/debian",
		"# deb http://old.example/debian sid main":                                "",
		"deb http://deb.debian.org/debian-security bookworm-security main":        "",
		"deb http://archive.ubuntu.com/ubuntu noble main":                         "",
		"Types: deb\nURIs: http://deb.debian.org/debian-security\nSuites: trixie": "",
	} {
		got := ""
		if m := debianURI.FindStringSubmatch(line); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestDefaultSuitesFromEnvironment(t *testing.T) {
	t.Setenv("MESH_PG_SUITE", " trixie  forky ")
	if diff := cmp.Diff([]string{"trixie", "forky"}, DefaultSuites()); diff != "" {
		t.Error(diff)
	}
}

func TestMovedBundleIsNotTrusted(t *testing.T) {
	t.Parallel()
	b := bundle{suite: suite{"forky", 18}, machine: machine{triplet: "x"}, prefix: t.TempDir()}
	if err := os.WriteFile(filepath.Join(b.prefix, stampFile), []byte("/elsewhere/bin\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if in, ok := firstComplete(t.Context(), []bundle{b}); ok {
		t.Errorf("got %+v", in)
	}
}

// No network: apt is sent to a proxy that is not there.
func TestBundleWithoutNetwork(t *testing.T) {
	if _, err := thisMachine(t.Context()); err != nil {
		t.Skip(err)
	}
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	t.Setenv("https_proxy", "http://127.0.0.1:1")
	cache := t.TempDir()
	_, err := bundled(t.Context(), Search{Cache: cache, Suites: []string{"trixie"}, Progress: func(string) {}})
	if err == nil || !strings.Contains(err.Error(), "is the network up?") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(cache, "trixie", stampFile)); err == nil {
		t.Error("marked as complete")
	}
}

// Provisioning for real needs the network and some ten seconds.
func TestProvision(t *testing.T) {
	if os.Getenv("MESH_TEST_PROVISION") == "" {
		t.Skip("set MESH_TEST_PROVISION=1")
	}
	for _, name := range DefaultSuites() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var makings int
			search := Search{Cache: filepath.Join(dir, "cache"), Suites: []string{name}, Progress: func(line string) {
				t.Log(line)
				if strings.HasPrefix(line, "downloading") {
					makings++
				}
			}}
			var g errgroup.Group
			for range 3 {
				g.Go(func() error { _, err := bundled(t.Context(), search); return err })
			}
			if err := g.Wait(); err != nil {
				t.Fatal(err)
			}
			if makings != 1 {
				t.Errorf("made %d times", makings)
			}
			in, err := bundled(t.Context(), search)
			if err != nil {
				t.Fatal(err)
			}
			c := openCluster(t, in, filepath.Join(dir, "cluster"))
			s := start(t, c)
			vector, err := c.Prepare(t.Context(), "mesh")
			t.Log(in.Version, vector)
			if err != nil {
				t.Error(err)
			}
			if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
