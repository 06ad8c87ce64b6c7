package archive

import (
	"bytes"
	"context"
	"errors"

	"github.com/hivemesh/hivemesh/eventstore"
)

// How a log and its archive can differ at a sequence.
const (
	MissingInLog     = "missing in the log"     // not there, or its file is damaged
	MissingInArchive = "missing in the archive" // the log has it, the archive a hole
	Differs          = "differs"                // both have it, and not the same
	Unreadable       = "unreadable"             // the segment in the archive that begins here is damaged
)

// Difference is where a log and its archive are not the same.
type Difference struct {
	Seq    uint64
	Kind   string // MissingInLog and so on
	Detail string // which parts differ, or what is damaged
}

// scrubStep is how many sequences are read from the log at a time.
const scrubStep = 1024

// Scrub compares a log with its archive after a sequence: subject, headers,
// data, time and sequence of each event. Each difference is given to found, in
// order but for those within a few sequences. After each step done is told up to
// where the log was compared, and how many events the step had; its error ends
// the scrub. What the log has after the end of the archive is not looked at. It
// fails when the log or the target cannot be reached.
func (l *Log) Scrub(ctx context.Context, log *eventstore.Store, after uint64, found func(Difference), done func(upTo uint64, events int) error) error {
	var seals []Seal
	for _, s := range l.Seals {
		if s.Last > after {
			seals = append(seals, s)
		}
	}
	for part, err := range l.Segments(ctx, seals) {
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			found(Difference{Seq: part.Seal.First, Kind: Unreadable, Detail: damage.Error()})
			if err := done(part.Seal.Last, 0); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			if err := scrubPart(ctx, part, log, after, found, done); err != nil {
				return err
			}
		}
	}
	return nil
}

// scrubPart compares one segment, and the hole before it.
func scrubPart(ctx context.Context, part Part, log *eventstore.Store, after uint64, found func(Difference), done func(uint64, int) error) error {
	events := part.Events
	for from := max(part.Seal.After, after) + 1; from <= part.Seal.Last; {
		to := min(from+scrubStep-1, part.Seal.Last)
		for len(events) > 0 && events[0].Seq < from {
			events = events[1:]
		}
		n := 0
		for n < len(events) && events[n].Seq <= to {
			n++
		}
		if n == 0 { // a hole may be long: the log is asked for it at once
			to = min(part.Seal.Last, events[0].Seq-1)
		}
		have, err := log.Scan(ctx, from, to)
		if err != nil {
			return err
		}
		if err := compare(ctx, log, events[:n], have, found); err != nil {
			return err
		}
		if err := done(to, n); err != nil {
			return err
		}
		from = to + 1
	}
	return nil
}

// compare merges what the archive and the log have of the same range.
func compare(ctx context.Context, log *eventstore.Store, archived, have []eventstore.Stored, found func(Difference)) error {
	for _, want := range archived {
		for len(have) > 0 && have[0].Seq < want.Seq {
			found(Difference{Seq: have[0].Seq, Kind: MissingInArchive})
			have = have[1:]
		}
		var got eventstore.Stored
		if len(have) > 0 && have[0].Seq == want.Seq {
			got, have = have[0], have[1:]
		} else {
			var err error
			got, err = log.FindStored(ctx, want.Seq)
			if errors.Is(err, eventstore.ErrNotFound) {
				found(Difference{Seq: want.Seq, Kind: MissingInLog, Detail: want.Subject})
				continue
			}
			if err != nil {
				return err
			}
		}
		if detail := differing(want, got); detail != "" {
			found(Difference{Seq: want.Seq, Kind: Differs, Detail: detail})
		}
	}
	for _, e := range have {
		found(Difference{Seq: e.Seq, Kind: MissingInArchive})
	}
	return nil
}

// differing names the first part in which two events differ; empty for none.
func differing(a, b eventstore.Stored) string {
	switch {
	case a.Seq != b.Seq:
		return "sequence"
	case a.Subject != b.Subject:
		return "subject"
	case !bytes.Equal(a.Header, b.Header):
		return "headers"
	case !bytes.Equal(a.Data, b.Data):
		return "data"
	case !a.At.Equal(b.At):
		return "time"
	}
	return ""
}
