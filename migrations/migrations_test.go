package migrations_test

import (
	"database/sql"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/migrations"
)

func TestUpAndDown(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", embeddedtest.PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables := func() (n int) {
		t.Helper()
		if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_tables WHERE tablename LIKE 'projection\_%'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 2 {
		n, err := migrations.Up(t.Context(), db)
		if err != nil || n != 2 || tables() != 3 {
			t.Fatalf("up: %d applied, %d tables, %v", n, tables(), err)
		}
		if n, err := migrations.Up(t.Context(), db); err != nil || n != 0 {
			t.Fatalf("up again: %d applied, %v", n, err)
		}
		if err := migrations.Down(t.Context(), db); err != nil || tables() != 0 {
			t.Fatalf("down: %d tables, %v", tables(), err)
		}
	}
}

// TestTogether starts several nodes at once on an empty database.
func TestTogether(t *testing.T) {
	t.Parallel()
	url := embeddedtest.PostgresURL(t)
	done := make(chan error, 3)
	for range 3 {
		go func() {
			db, err := sql.Open("pgx", url)
			if err == nil {
				_, err = migrations.Up(t.Context(), db)
				_ = db.Close()
			}
			done <- err
		}()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
