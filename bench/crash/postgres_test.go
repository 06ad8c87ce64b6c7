package crash_test

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/embedded"
)

var outage = flag.Duration("outage", 8*time.Second, "how long Postgres is away (3s with -short)")

// database is a Postgres of one test, which can be stopped and started again
// at the same address.
type database struct {
	t      *testing.T
	dir    string
	url    string
	server *embedded.Postgres // nil while it is stopped
}

func newDatabase(ctx context.Context, t *testing.T) *database {
	t.Helper()
	d := &database{t: t, dir: publicDir(t)}
	d.start(ctx)
	t.Cleanup(d.stop)
	return d
}

func (d *database) start(ctx context.Context) {
	d.t.Helper()
	server, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: d.dir, Log: zerolog.Nop()})
	if err != nil {
		d.t.Fatal(err)
	}
	if d.url != "" && server.URL() != d.url {
		d.t.Errorf("Postgres is at %s now, and was at %s", server.URL(), d.url)
	}
	d.server, d.url = server, server.URL()
}

func (d *database) stop() {
	d.t.Helper()
	if d.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := d.server.Stop(ctx); err != nil {
		d.t.Errorf("stop Postgres: %v", err)
	}
	d.server = nil
}

// TestPostgresAway stops Postgres for a while under load.
func TestPostgresAway(t *testing.T) {
	away := *outage
	if testing.Short() {
		away = min(away, 3*time.Second)
	}
	ctx, cancel := context.WithTimeout(t.Context(), away+time.Minute)
	defer cancel()
	db := newDatabase(ctx, t)
	n := newSite(t, db.url, 0).serve(ctx)
	n.ready(ctx, t)
	n.agent(t, "undisturbed")
	f := follow(t, n.client)
	j, stop := startLoad(ctx, t, n.client)
	f.await(ctx, t, "task.completed", time.Time{}, 50)

	db.stop()
	stopped := time.Now()
	mustAnswerDown(ctx, t, n)
	f.await(ctx, t, "task.completed", stopped.Add(away), 1)
	done, gap := len(f.times("task.completed")), f.longestGap("task.completed", stopped)
	t.Logf("%d tasks completed; longest time without one %s", done, gap.Round(time.Millisecond))
	if gap > 2*time.Second {
		t.Errorf("no task was completed for %s while Postgres was away", gap)
	}

	db.start(ctx)
	end := f.last().Seq
	took := n.caughtUp(ctx, t, end)
	t.Logf("read models have caught up to event %d %s after Postgres was back", end, took.Round(time.Millisecond))
	f.await(ctx, t, "task.completed", time.Now(), 20)
	stop()
	n.ready(ctx, t)
	j.check(ctx, t, n.client)
}

// TestStartWithoutPostgres starts a node whose Postgres is not there: commands
// and agents work, and it takes Postgres up when it comes.
func TestStartWithoutPostgres(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db := newDatabase(ctx, t)
	db.stop()
	n := newSite(t, db.url, 0).serve(ctx)
	n.ready(ctx, t, "postgres")
	if c := n.check(ctx, t, "postgres"); c.OK {
		t.Error("readiness says that Postgres is there")
	}
	n.agent(t, "undisturbed")
	f := follow(t, n.client)
	j, stop := startLoad(ctx, t, n.client)
	f.await(ctx, t, "task.completed", time.Time{}, 100)
	mustAnswerDown(ctx, t, n)

	db.start(ctx)
	end := f.last().Seq
	took := n.caughtUp(ctx, t, end)
	t.Logf("read models have been built up to event %d %s after Postgres came", end, took.Round(time.Millisecond))
	stop()
	n.ready(ctx, t)
	j.check(ctx, t, n.client)
}

// mustAnswerDown wants every read to be refused with the reason, and
// readiness to name it.
func mustAnswerDown(ctx context.Context, t *testing.T, n *node) {
	t.Helper()
	eventually(ctx, t, "readiness names Postgres", func() error {
		if c := n.check(ctx, t, "postgres"); c.OK || !strings.Contains(c.Detail, "commands and coordination go on") {
			return errors.New("postgres: " + c.Detail)
		}
		return nil
	})
	var asking sync.WaitGroup
	for name, ask := range map[string]func() error{
		"tasks":       func() error { _, err := n.client.Tasks(ctx, client.ListOptions{}); return err },
		"agents":      func() error { _, err := n.client.Agents(ctx, client.ListOptions{}); return err },
		"events":      func() error { _, err := n.client.Events(ctx, client.ListOptions{}); return err },
		"counts":      func() error { _, err := n.client.Counts(ctx, ""); return err },
		"projections": func() error { _, err := n.client.Projections(ctx); return err },
	} {
		asking.Go(func() {
			err := ask()
			var e *client.Error
			if !errors.As(err, &e) || !client.IsUnavailable(err) || e.Status != http.StatusServiceUnavailable ||
				e.Code != "postgres_unreachable" || !strings.Contains(e.Detail, "Postgres") {
				t.Errorf("%s without Postgres: %v", name, err)
			}
		})
	}
	asking.Wait()
}
