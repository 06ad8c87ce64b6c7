package pg

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const duplicateDatabase = "42P04"

// Prepare makes the database if there is none, with pgvector in its newest
// version here, and returns that version.
func (c *Cluster) Prepare(ctx context.Context, database string) (vector string, err error) {
	err = c.session(ctx, "postgres", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{database}.Sanitize())
		var exists *pgconn.PgError
		if errors.As(err, &exists) && exists.Code == duplicateDatabase {
			return nil
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make database %s: %w", database, err)
	}
	err = c.session(ctx, database, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS vector; ALTER EXTENSION vector UPDATE")
		if err != nil {
			return err
		}
		return conn.QueryRow(ctx, "SELECT extversion FROM pg_extension WHERE extname = 'vector'").Scan(&vector)
	})
	if err != nil {
		return "", fmt.Errorf("add pgvector to database %s: %w", database, err)
	}
	if !VectorServes(vector) {
		return "", fmt.Errorf("pgvector is %s: %s or newer is needed", vector, MinVector)
	}
	return vector, nil
}

// session runs do on a connection of its own.
func (c *Cluster) session(ctx context.Context, database string, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(ctx))
}
