package embeddedtest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
)

func TestPostgresURLGivesADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			conn, err := pgx.Connect(t.Context(), embeddedtest.PostgresURL(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close(context.Background()) })
			// A shared database would refuse the second table of the name.
			if _, err := conn.Exec(t.Context(), "CREATE TABLE mine AS SELECT '[1,2]'::halfvec(2) AS v"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPostgresURLDropsTheDatabase(t *testing.T) {
	t.Parallel()
	var url string
	var leaked *pgx.Conn
	t.Run("user", func(t *testing.T) {
		var err error
		url = embeddedtest.PostgresURL(t)
		if leaked, err = pgx.Connect(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	})
	if err := leaked.Ping(t.Context()); err == nil {
		t.Error("a session outlived the test's database")
	}
	_, err := pgx.Connect(t.Context(), url)
	var missing *pgconn.PgError
	if !errors.As(err, &missing) || missing.Code != "3D000" {
		t.Errorf("got %v", err)
	}
}

func TestNATS(t *testing.T) {
	t.Parallel()
	a, b := embeddedtest.NATS(t), embeddedtest.NATS(t)
	if a.URL() == b.URL() {
		t.Errorf("two servers at %s", a.URL())
	}
}
