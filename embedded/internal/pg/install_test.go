package pg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/domain"
)

func TestVectorServes(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"0.6.2": false, "0.7": true, "0.7.0": true, "0.8.7": true, "0.10.0": true, "1.0": true, "": false, "junk": false,
	} {
		if got := VectorServes(version); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

// fakeServer makes programs that answer as an installed server would, and
// returns their directory.
func fakeServer(t *testing.T, version, vector string) string {
	t.Helper()
	root := t.TempDir()
	bin, share := filepath.Join(root, "bin"), filepath.Join(root, "share")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(bin, "postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) "+version+"'\n")
	write(filepath.Join(bin, "pg_config"), "#!/bin/sh\ncase $1 in --bindir) echo "+bin+";; --sharedir) echo "+share+";; esac\n")
	if vector != "" {
		write(filepath.Join(share, "extension", "vector.control"), "comment = 'vectors'\ndefault_version = '"+vector+"'\n")
	}
	return bin
}

func TestInstalledServer(t *testing.T) {
	tests := []struct {
		name, version, vector string
		major                 int
		found                 bool
	}{
		{"newest", "99.3 (Debian 99.3-1)", "0.8.7", 0, true},
		{"of the cluster's version", "99.3", "0.7.0", 99, true},
		{"other version than the cluster's", "99.3", "0.8.7", 98, false},
		{"without pgvector", "99.3", "", 99, false},
		{"old pgvector", "99.3", "0.6.0", 99, false},
		{"old server", "9.6.24", "0.8.0", 9, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bin := fakeServer(t, tt.version, tt.vector)
			t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
			in, ok := installed(t.Context(), tt.major)
			if ok != tt.found {
				t.Fatalf("found: %v %+v", ok, in)
			}
			if ok && (in.Bin != bin || in.Major != 99 || in.Version != "99.3") {
				t.Errorf("got %+v", in)
			}
		})
	}
}

func TestLocateWithoutAnyRoute(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Locate(t.Context(), Search{Cache: t.TempDir(), Suites: DefaultSuites(), Major: 98, Progress: func(string) {}})
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != domain.Unavailable || e.Code != "no_postgres" {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"PostgreSQL 98", "dpkg", "apt-get install", "brew install", "MESH_PG_URL"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("does not mention %s: %v", want, err)
		}
	}
}

func TestLocateRefusesUnknownSuite(t *testing.T) {
	t.Parallel()
	if _, err := thisMachine(t.Context()); err != nil {
		t.Skip(err)
	}
	_, err := Locate(t.Context(), Search{Cache: t.TempDir(), Suites: []string{"sid"}, Progress: func(string) {}, Major: 98})
	if err == nil || !strings.Contains(err.Error(), `"sid"`) {
		t.Errorf("got %v", err)
	}
}

func TestLocateEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Locate(ctx, Search{Cache: t.TempDir(), Suites: DefaultSuites(), Progress: func(string) {}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
