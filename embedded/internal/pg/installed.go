package pg

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// installed returns the newest installed server with a pgvector that serves.
func installed(ctx context.Context, major int) (Installation, bool) {
	var best Installation
	for _, bin := range candidates(ctx) {
		in, err := inspect(ctx, bin)
		if err != nil || in.Major < oldestMajor || (major != 0 && in.Major != major) {
			continue
		}
		if in.Major > best.Major && hasVector(ctx, bin) {
			best = in
		}
	}
	return best, best.Bin != ""
}

// candidates lists directories that may hold a server's programs.
func candidates(ctx context.Context) []string {
	var dirs []string
	for _, glob := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		found, _ := filepath.Glob(glob) // fails for a bad pattern only
		dirs = append(dirs, found...)
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// hasVector looks for pgvector's control file in the share directory that
// belongs to bin.
func hasVector(ctx context.Context, bin string) bool {
	var shares []string
	if out, err := exec.CommandContext(ctx, filepath.Join(bin, "pg_config"), "--sharedir").Output(); err == nil {
		shares = append(shares, strings.TrimSpace(string(out)))
	}
	// Debian splits /usr/lib/postgresql/17/bin from /usr/share/postgresql/17.
	shares = append(shares, filepath.Join("/usr/share/postgresql", filepath.Base(filepath.Dir(bin))))
	for _, share := range shares {
		control, err := os.ReadFile(filepath.Join(share, "extension", "vector.control"))
		if err != nil {
			continue
		}
		if m := vectorPattern.FindSubmatch(control); m != nil && VectorServes(string(m[1])) {
			return true
		}
	}
	return false
}
