package pg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// DefaultCache returns where bundles are kept: $MESH_PG_CACHE, else
// /var/cache/hivemesh/postgres for root, whose home nobody else may enter,
// else hivemesh/postgres in the user's cache directory.
func DefaultCache() (string, error) {
	if dir := os.Getenv("MESH_PG_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	if os.Geteuid() == 0 {
		return "/var/cache/hivemesh/postgres", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory for PostgreSQL: set MESH_PG_CACHE: %w", err)
	}
	return filepath.Join(dir, "hivemesh", "postgres"), nil
}

// DefaultSuites returns $MESH_PG_SUITE, a list with spaces, else Debian
// testing and stable.
func DefaultSuites() []string {
	if s := strings.Fields(os.Getenv("MESH_PG_SUITE")); len(s) > 0 {
		return s
	}
	return []string{"forky", "trixie"}
}

// DefaultSearch is a Search with the default cache and suites.
func DefaultSearch(progress func(string)) (Search, error) {
	cache, err := DefaultCache()
	if err != nil {
		return Search{}, err
	}
	if progress == nil {
		progress = func(string) {}
	}
	return Search{Cache: cache, Suites: DefaultSuites(), Progress: progress}, nil
}
