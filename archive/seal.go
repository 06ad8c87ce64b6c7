package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/eventstore"
)

// format is the version of the layout.
const format = 1

// Seal says what a segment holds.
type Seal struct {
	Format   int       `json:"format"`
	Log      string    `json:"log"`   // identity of the log
	After    uint64    `json:"after"` // last sequence of the segment before; what lies between is a hole in the log
	First    uint64    `json:"first"`
	Last     uint64    `json:"last"`
	Events   uint64    `json:"events"`
	Bytes    uint64    `json:"bytes"` // of the events
	Size     int64     `json:"size"`  // of the file
	FirstAt  time.Time `json:"first_at"`
	LastAt   time.Time `json:"last_at"`
	SealedAt time.Time `json:"sealed_at"`
	SHA256   string    `json:"sha256"`   // of the file
	Previous string    `json:"previous"` // chain of the seal before
	Chain    string    `json:"chain"`    // SHA-256 of this seal without this field
}

// digest is what Chain must be.
func (s Seal) digest() string {
	s.Chain = ""
	text, err := json.Marshal(s)
	if err != nil {
		return "" // a seal has nothing that cannot be written
	}
	return sum(text)
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// next makes the seal of the events that follow s.
func (s Seal) next(log string, events []eventstore.Stored, file []byte, now time.Time) Seal {
	first, last := events[0], events[len(events)-1]
	n := Seal{
		Format: format, Log: log, After: s.Last, First: first.Seq, Last: last.Seq, Events: uint64(len(events)),
		Size: int64(len(file)), FirstAt: first.At.UTC(), LastAt: last.At.UTC(), SealedAt: now.UTC(),
		SHA256: sum(file), Previous: s.Chain,
	}
	for _, e := range events {
		n.Bytes += uint64(e.Bytes())
	}
	n.Chain = n.digest()
	return n
}

// follows checks that s is whole and comes after the seal before it.
func (s Seal) follows(before Seal, log string) error {
	switch {
	case s.Format != format:
		return fmt.Errorf("its format is %d; this version reads %d", s.Format, format)
	case s.Chain != s.digest():
		return errors.New("the seal was changed")
	case s.Log != log:
		return fmt.Errorf("it belongs to log %s", s.Log)
	case s.Previous != before.Chain || s.After != before.Last || s.First <= before.Last || s.Last < s.First:
		return fmt.Errorf("it does not follow the segment up to %d", before.Last)
	}
	return nil
}

// matches checks a segment's content against its seal, and returns its events.
func (s Seal) matches(file []byte) ([]eventstore.Stored, error) {
	if int64(len(file)) != s.Size || sum(file) != s.SHA256 {
		return nil, fmt.Errorf("its content was changed: %d bytes with digest %.12s, not %d with %.12s", len(file), sum(file), s.Size, s.SHA256)
	}
	events, err := decode(file)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	if n := len(events); n == 0 || uint64(n) != s.Events || events[0].Seq != s.First || events[n-1].Seq != s.Last {
		return nil, fmt.Errorf("it does not hold the %d events from %d to %d", s.Events, s.First, s.Last)
	}
	for i, e := range events[1:] {
		if e.Seq <= events[i].Seq {
			return nil, fmt.Errorf("event %d is out of order", e.Seq)
		}
	}
	return events, nil
}

// text is the seal as it is written.
func (s Seal) text() ([]byte, error) {
	text, err := json.MarshalIndent(s, "", " ")
	return append(text, '\n'), err
}

// parseSeal reads a seal. Every byte counts: what is not written just as a seal
// is, was changed.
func parseSeal(data []byte) (Seal, error) {
	var s Seal
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("the seal cannot be read: %w", err)
	}
	if text, err := s.text(); err != nil || !bytes.Equal(text, data) && s.Format == format {
		return s, errors.New("the seal was changed")
	}
	return s, nil
}
