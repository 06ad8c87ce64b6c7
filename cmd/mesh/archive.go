package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/workers"
	"github.com/hivemesh/hivemesh/workers/archiver"
)

// identityFile opens the keys in an archive. It is made in the data directory
// where no recipient is named.
const identityFile = "archive.key"

// archiveFlags say where the log is archived.
type archiveFlags struct {
	Archive           string        `help:"Where to archive the log while it grows: an existing directory, best on another disk or machine, or a bucket, s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION." name:"archive" config:"" placeholder:"DIR|s3://…"`
	ArchiveEvery      time.Duration `help:"How long an event waits at most to be archived." name:"archive-every" default:"10s" config:"" placeholder:"DURATION"`
	DrillEvery        time.Duration `help:"How often the mesh tries by itself whether the archive can be restored, in a scratch directory of this machine; 0 = never. It needs archive.key in the data directory." name:"drill-every" default:"168h" config:"" placeholder:"DURATION"`
	ArchiveRecipients []string      `help:"age recipient that the keys in the archive are encrypted to, instead of one whose identity is kept in archive.key in the data directory; repeat or separate by commas." name:"archive-recipient" placeholder:"age1…"`
}

// archiveTarget is where a node archives its log.
type archiveTarget struct {
	archive    archive.Target
	recipients []age.Recipient
	every      time.Duration
	name       string        // as it was given
	drillEvery time.Duration // 0: never
	identity   string        // file that opens the keys, where it is kept here
}

// open returns nil where nothing is to be archived. The identity is made in
// data, unless recipients are named.
func (f archiveFlags) open(data string) (*archiveTarget, error) {
	if f.Archive == "" {
		return nil, nil //nolint:nilnil // said above
	}
	if f.ArchiveEvery < 100*time.Millisecond || f.ArchiveEvery > time.Hour {
		return nil, usagef("--archive-every: %v is not between 100ms and 1h", f.ArchiveEvery)
	}
	if f.DrillEvery != 0 && f.DrillEvery < time.Second {
		return nil, usagef("--drill-every: %v is less than a second", f.DrillEvery)
	}
	recipients, err := f.recipients(data)
	if err != nil {
		return nil, err
	}
	to, err := openArchive("--archive", f.Archive)
	if err != nil {
		return nil, err
	}
	t := &archiveTarget{archive: to, recipients: recipients, every: f.ArchiveEvery, name: f.Archive}
	if len(f.ArchiveRecipients) == 0 {
		t.drillEvery, t.identity = f.DrillEvery, filepath.Join(data, identityFile)
	}
	return t, nil
}

func (f archiveFlags) recipients(data string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, text := range f.ArchiveRecipients {
		r, err := age.ParseX25519Recipient(text)
		if err != nil {
			return nil, usagef("--archive-recipient: %v", err)
		}
		all = append(all, r)
	}
	if len(all) > 0 {
		return all, nil
	}
	if data == "" {
		return nil, usagef("--archive needs --archive-recipient here: make one with age-keygen, and keep its identity away from this machine")
	}
	id, err := keepIdentity(filepath.Join(data, identityFile))
	if err != nil {
		return nil, err
	}
	return []age.Recipient{id.Recipient()}, nil
}

// keepIdentity reads the identity in a file, or makes one there.
func keepIdentity(name string) (*age.X25519Identity, error) {
	ids, err := readIdentities(name)
	if err == nil {
		if id, ok := ids[0].(*age.X25519Identity); ok {
			return id, nil
		}
		return nil, usagef("%s: not an X25519 identity; name it by --archive-recipient", name)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make an identity for the archive: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, fmt.Errorf("keep the identity of the archive: %w", err)
	}
	text := fmt.Sprintf("# opens the keys in the archive: keep a copy away from this machine\n# public key: %s\n%s\n", id.Recipient(), id)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("keep the identity of the archive: %w", err)
	}
	return id, nil
}

func readIdentities(name string) ([]age.Identity, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the identity of the archive: %w", err)
	}
	defer f.Close()
	ids, err := age.ParseIdentities(f)
	if err != nil {
		return nil, usagef("%s: no age identity: %v", name, err)
	}
	return ids, nil
}

// newArchiver returns what archives a node's log, or nil.
func newArchiver(cfg nodeConfig, js jetstream.JetStream, store *eventstore.Store, leads *workers.Coordinator) *archiver.Archiver {
	if cfg.Archive == nil {
		return nil
	}
	return archiver.New(archiver.Config{
		Store: store, Target: cfg.Archive.archive, Recipients: cfg.Archive.recipients, Every: cfg.Archive.every, Log: cfg.Log,
		Leads: func() bool { return leads.Health().Leader },
		Keys: func(ctx context.Context) (archive.Keys, uint64, error) {
			keys, revision, err := auth.ExportKeys(ctx, js)
			return keys, revision, err
		},
	})
}
