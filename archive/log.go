package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/eventstore"
)

const (
	logsFolder = "logs"
	sealSuffix = ".json"
	maxSeal    = 64 << 10
)

// DamageError says which part of an archive is not what was written.
type DamageError struct {
	File   string
	Seq    uint64 // the log is intact before this sequence
	Reason string
}

// Error names the file, the sequence, and what is wrong.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged (the archive is intact before sequence %d): %s", e.File, e.Seq, e.Reason)
}

// Log is the archive of one log.
type Log struct {
	target Target
	id     string
	Seals  []Seal // an unbroken chain, oldest first
	// Damage is why the chain ends before its last seal; nil when it does not.
	Damage *DamageError
}

// Logs returns the identities of the logs in a target.
func Logs(ctx context.Context, t Target) ([]string, error) {
	names, err := t.List(ctx, logsFolder)
	ids := names[:0]
	for _, n := range names {
		if uuid.Validate(n) == nil {
			ids = append(ids, n)
		}
	}
	return ids, err
}

// OpenLog reads the seals of a log. The content of the segments is not looked
// at: see Verify. A broken chain is no error but Damage.
func OpenLog(ctx context.Context, t Target, id string) (*Log, error) {
	if uuid.Validate(id) != nil {
		return nil, domain.InvalidField("log", "%.64q is no identity of a log", id)
	}
	l := &Log{target: t, id: id}
	names, err := t.List(ctx, l.path(""))
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, sealSuffix) })
	read := func(ctx context.Context, name string) ([]byte, error) {
		return l.target.Get(ctx, l.path(name), maxSeal)
	}
	for data, err := range ahead(ctx, names, sealsAhead, read) {
		if err != nil {
			return nil, err
		}
		if l.add(names[len(l.Seals)], data); l.Damage != nil {
			break
		}
	}
	return l, nil
}

// add takes in the next seal of the chain, or notes its damage.
func (l *Log) add(name string, data []byte) {
	s, err := parseSeal(data)
	if err == nil {
		err = s.follows(l.End(), l.id)
	}
	if err == nil && name != sealName(s.First) {
		err = errors.New("it has the name of another")
	}
	if err != nil {
		l.Damage = &DamageError{File: l.path(name), Seq: l.End().Last + 1, Reason: err.Error()}
		return
	}
	l.Seals = append(l.Seals, s)
}

// ID is the identity of the log.
func (l *Log) ID() string { return l.id }

// End is the last seal; the zero one when there is none.
func (l *Log) End() Seal {
	if len(l.Seals) == 0 {
		return Seal{}
	}
	return l.Seals[len(l.Seals)-1]
}

func (l *Log) path(name string) string { return path.Join(logsFolder, l.id, name) }

// Names are in the order of sequences.
func sealName(first uint64) string   { return fmt.Sprintf("%020d%s", first, sealSuffix) }
func segmentName(s Seal) string      { return fmt.Sprintf("%020d-%.16s.seg", s.First, s.SHA256) }
func (l *Log) segment(s Seal) string { return l.path(segmentName(s)) }

// Append writes the events that follow the end as a sealed segment. Another
// writer's seal in the same place is fs.ErrExist: open the log again then.
func (l *Log) Append(ctx context.Context, events []eventstore.Stored, now time.Time) error {
	if l.Damage != nil {
		return l.Damage
	}
	file, err := encode(events)
	if err != nil {
		return err
	}
	s := l.End().next(l.id, events, file, now)
	if err := l.target.Put(ctx, l.segment(s), file); err != nil && !errors.Is(err, fs.ErrExist) { // the name holds the digest
		return err
	}
	text, err := s.text()
	if err != nil {
		return fmt.Errorf("write a seal: %w", err)
	}
	if err := l.target.Put(ctx, l.path(sealName(s.First)), text); err != nil {
		return err
	}
	l.Seals = append(l.Seals, s)
	return nil
}

// Segment returns the events of a seal, checked against it. Content that is not
// what was sealed is a *DamageError; a target that does not answer is
// ErrUnavailable.
func (l *Log) Segment(ctx context.Context, s Seal) ([]eventstore.Stored, error) {
	file, err := l.target.Get(ctx, l.segment(s), min(s.Size, maxSegment))
	if err != nil {
		return nil, unlessDamaged(ctx, err, l.segment(s), s.First)
	}
	events, err := s.matches(file)
	if err != nil {
		return nil, &DamageError{File: l.segment(s), Seq: s.First, Reason: err.Error()}
	}
	return events, nil
}

// unlessDamaged returns why a file could not be read: a *DamageError, unless
// the reader gave up or the target did not answer.
func unlessDamaged(ctx context.Context, err error, name string, seq uint64) error {
	if !errors.Is(err, fs.ErrNotExist) && (ctx.Err() != nil || errors.Is(err, ErrUnavailable)) {
		return err
	}
	return &DamageError{File: name, Seq: seq, Reason: err.Error()}
}
