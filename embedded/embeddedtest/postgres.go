package embeddedtest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	provisionTimeout = 5 * time.Minute // the first test of a machine makes the bundle
	dropTimeout      = time.Minute
)

// PostgresURL makes an empty database with the extension vector and returns
// its connection string; the user is a superuser. The database is dropped
// when the test ends, with the sessions that are left on it.
//
// The server is shared by all test processes of the user and is not durable.
// It starts with the first test that needs it and stops some seconds after the
// last one, however that ends.
func PostgresURL(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), provisionTimeout)
	defer cancel()
	server, err := sharedServer(t.Logf)
	if err != nil {
		t.Fatalf("shared PostgreSQL: %v", err)
	}
	h, err := server.attach(ctx)
	if err != nil {
		t.Fatalf("shared PostgreSQL: %v", err)
	}
	name := "t_" + strings.ToLower(rand.Text())
	ident := pgx.Identifier{name}.Sanitize()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if _, err := h.conn.Exec(ctx, "DROP DATABASE IF EXISTS "+ident+" WITH (FORCE)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
		if err := h.conn.Close(ctx); err != nil {
			t.Errorf("leave shared PostgreSQL: %v", err)
		}
	})
	if _, err := h.conn.Exec(ctx, "CREATE DATABASE "+ident+" TEMPLATE "+templateName); err != nil {
		t.Fatalf("create database: %v", err)
	}
	u := h.base
	u.Path = "/" + name
	return u.String()
}
