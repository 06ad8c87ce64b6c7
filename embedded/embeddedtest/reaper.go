package embeddedtest

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// useLock is the advisory lock that holders share and that the reaper must
// have alone before it stops the server. So nobody can join a server that is
// about to stop: his lock waits, and fails with it.
const useLock = 7101

const (
	reaperName = "mesh test reaper"
	idleTime   = 15 * time.Second
)

// reaperSQL runs as a session of its own that needs no client. It watches
// whether anybody holds the server, and stops it when nobody did for a time.
// Arguments: useLock, and that time in seconds.
const reaperSQL = `
DO $$
DECLARE
	idle float := 0;
	nap float;
BEGIN
	LOOP
		nap := 0.5 + random();
		PERFORM pg_sleep(nap);
		IF pg_try_advisory_lock(%[1]d) THEN
			idle := idle + nap;
			EXIT WHEN idle >= %[2]f;
			PERFORM pg_advisory_unlock(%[1]d);
		ELSE
			idle := 0;
		END IF;
	END LOOP;
	EXECUTE format('COPY (SELECT 1) TO PROGRAM %%L',
		'cat >/dev/null; kill -INT ' || split_part(pg_read_file('postmaster.pid'), E'\n', 1));
	PERFORM pg_sleep(60);
END $$`

// startReaper leaves the reaper behind on the server: the statement is sent
// and the connection dropped, which the server does not look for.
func (s shared) startReaper(ctx context.Context, url string) error {
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return err
	}
	config.RuntimeParams["application_name"] = reaperName
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	hijacked, err := conn.Hijack()
	if err != nil {
		return err
	}
	hijacked.Frontend.SendQuery(&pgproto3.Query{String: fmt.Sprintf(reaperSQL, useLock, s.idle.Seconds())})
	if err := hijacked.Frontend.Flush(); err != nil {
		return err
	}
	return hijacked.Conn.Close()
}

// ensureReaper starts a reaper when there is none, as after the crash of a
// session, which ends all of them. Two do no harm.
func (s shared) ensureReaper(ctx context.Context, conn *pgx.Conn) error {
	var there bool
	err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = $1)", reaperName).Scan(&there)
	if err != nil || there {
		return err
	}
	return s.startReaper(ctx, conn.Config().ConnString())
}
