package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
	"github.com/hivemesh/hivemesh/recovery"
	"github.com/hivemesh/hivemesh/workers/archiver"
)

func benchLog() eventstore.Config { return eventstore.Config{Stream: "EVENTS", Log: zerolog.Nop()} }

// recoveries measures how fast a log is archived and made anew from its
// archive, beside the NATS server's own backup and restore of the same stream.
func recoveries(ctx context.Context, o Options) (err error) {
	dir := filepath.Join(o.Dir, "recovery")
	server, nc, err := startBare(ctx, filepath.Join(dir, "log"), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	defer nc.Close()
	store, err := eventstore.Open(ctx, nc, benchLog())
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()
	o.Progress(fmt.Sprintf("appending %d decisions", o.Decisions))
	if err := projectionstest.New(1).Append(ctx, store, o.Decisions); err != nil {
		return fmt.Errorf("fill the log: %w", err)
	}
	var rate, checked, restored, restoredMB, raw, rawMB sample
	for i := range o.Runs {
		run := recoveryRun{o: o, dir: filepath.Join(dir, fmt.Sprint(i)), nc: nc, store: store}
		if err := run.measure(ctx); err != nil {
			return err
		}
		rate, checked = append(rate, run.archived), append(checked, run.planned)
		restored, restoredMB = append(restored, run.restored), append(restoredMB, run.restored*run.size/1e6)
		raw, rawMB = append(raw, run.raw), append(rawMB, run.raw*run.size/1e6)
	}
	const of = "the NATS server's own restore"
	o.Report(figure("recovery_archived", "events/s", rate, "", nil))
	o.Report(figure("recovery_checked", "events/s", checked, "", nil))
	o.Report(figure("recovery_restored", "events/s", restored, of, raw))
	o.Report(figure("recovery_restored_bytes", "MB/s", restoredMB, of, rawMB))
	return nil
}

func startBare(ctx context.Context, dir string, bulk bool) (*embedded.NATS, *nats.Conn, error) {
	server, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir, NoListen: true, SyncAtStop: bulk, Log: zerolog.Nop()})
	if err != nil {
		return nil, nil, fmt.Errorf("start NATS: %w", err)
	}
	nc, err := server.Connect(ctx)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("connect: %w", err), server.Stop(ctx))
	}
	return server, nc, nil
}

// recoveryRun is one run of the benchmark. Its figures are events a second.
type recoveryRun struct {
	o     Options
	dir   string
	nc    *nats.Conn
	store *eventstore.Store
	id    *age.X25519Identity

	archived, planned, restored, raw float64
	size                             float64 // bytes an event
}

func (r *recoveryRun) measure(ctx context.Context) error {
	target := filepath.Join(r.dir, "archive")
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("make the archive: %w", err)
	}
	d, err := archive.OpenDir(target)
	if err != nil {
		return err
	}
	defer d.Close()
	if r.id, err = age.GenerateX25519Identity(); err != nil {
		return fmt.Errorf("make an identity: %w", err)
	}
	if err := r.ship(ctx, d); err != nil {
		return err
	}
	if err := r.restore(ctx, d); err != nil {
		return err
	}
	return r.rawRestore(ctx)
}

// ship archives the whole log.
func (r *recoveryRun) ship(ctx context.Context, d archive.Target) error {
	end, err := r.store.LastSeq(ctx)
	if err != nil {
		return err
	}
	a := archiver.New(archiver.Config{
		Store: r.store, Target: d, Leads: func() bool { return true }, Every: time.Hour, Log: zerolog.Nop(),
		Recipients: []age.Recipient{r.id.Recipient()},
		Keys:       func(context.Context) (archive.Keys, uint64, error) { return archive.Keys{"bench": nil}, 1, nil },
	})
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	began := time.Now()
	go func() { done <- a.Run(running) }()
	_, err = a.Flush(ctx, end)
	r.archived = float64(end) / time.Since(began).Seconds()
	stop()
	if ended := <-done; !errors.Is(ended, context.Canceled) {
		err = errors.Join(err, ended)
	}
	return err
}

// restore plans and carries out a restore into an empty data directory, as
// "mesh restore" does it: synced at its end, then opened.
func (r *recoveryRun) restore(ctx context.Context, d archive.Target) error {
	l, err := archive.OpenLog(ctx, d, r.store.Epoch())
	if err != nil {
		return err
	}
	began := time.Now()
	plan, err := recovery.Make(ctx, l, recovery.Target{}, nil)
	if err != nil {
		return err
	}
	r.planned = float64(plan.Events) / time.Since(began).Seconds()
	r.size = float64(plan.Bytes) / float64(plan.Events)
	began = time.Now()
	err = r.onServer(ctx, "restored", true, func(nc *nats.Conn) error {
		_, err := recovery.Run(ctx, recovery.Config{NATS: nc, Archive: d, Log: l, Store: benchLog(), Identities: []age.Identity{r.id}}, plan)
		return err
	})
	if err == nil {
		err = r.onServer(ctx, "restored", false, func(nc *nats.Conn) error { return recovery.Finish(ctx, nc, benchLog()) })
	}
	r.restored = float64(plan.Events) / time.Since(began).Seconds()
	return err
}

func (r *recoveryRun) onServer(ctx context.Context, dir string, bulk bool, do func(*nats.Conn) error) (err error) {
	server, nc, err := startBare(ctx, filepath.Join(r.dir, dir), bulk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	defer nc.Close()
	return do(nc)
}

// rawRestore backs the stream up by the server's own means, into memory, and
// restores it into another server, synced at the end as well.
func (r *recoveryRun) rawRestore(ctx context.Context) error {
	chunks, config, err := backup(ctx, r.nc)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	messages := uint64(0)
	began := time.Now()
	err = r.onServer(ctx, "raw", true, func(nc *nats.Conn) error {
		var to struct {
			Deliver string `json:"deliver_subject"`
		}
		if err := ask(ctx, nc, "$JS.API.STREAM.RESTORE.EVENTS", config, &to); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		var info struct {
			State struct {
				Messages uint64 `json:"messages"`
			} `json:"state"`
		}
		for _, c := range append(chunks, nil) {
			if err := ask(ctx, nc, to.Deliver, c, &info); err != nil {
				return fmt.Errorf("restore: %w", err)
			}
		}
		messages = info.State.Messages
		return nil
	})
	r.raw = float64(messages) / time.Since(began).Seconds()
	return err
}

// backup returns the chunks of a backup and the request that restores them.
func backup(ctx context.Context, nc *nats.Conn) (chunks [][]byte, restore []byte, err error) {
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, nil, err
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection ends soon
	var began struct {
		Config json.RawMessage `json:"config"`
		State  json.RawMessage `json:"state"`
	}
	request := fmt.Appendf(nil, `{"deliver_subject":%q,"no_consumers":true}`, inbox)
	if err := ask(ctx, nc, "$JS.API.STREAM.SNAPSHOT.EVENTS", request, &began); err != nil {
		return nil, nil, err
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, nil, err
		}
		if len(m.Data) == 0 {
			restore, err := json.Marshal(began)
			return chunks, restore, err
		}
		chunks = append(chunks, m.Data)
		if m.Reply == "" {
			continue // the last one
		}
		if err := m.Respond(nil); err != nil {
			return nil, nil, err
		}
	}
}

// ask sends one request of the JetStream API.
func ask(ctx context.Context, nc *nats.Conn, subject string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, subject, body)
	if err != nil || len(m.Data) == 0 {
		return err
	}
	var failed struct {
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &failed); err != nil {
		return err
	}
	if failed.Error != nil {
		return errors.New(failed.Error.Description)
	}
	return json.Unmarshal(m.Data, into)
}
