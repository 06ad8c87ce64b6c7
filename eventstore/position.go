package eventstore

import (
	"strconv"
	"strings"
)

// Epoch returns the log's identity: a UUID made with the stream. A restored
// log has another one.
func (s *Store) Epoch() string { return s.epoch }

// Position returns "<epoch>.<seq>", the form in which a place in the log
// leaves the process. Callers treat it as opaque.
func (s *Store) Position(seq uint64) string {
	return s.epoch + "." + strconv.FormatUint(seq, 10)
}

// ParsePosition returns the sequence of a position made by Position; "" is the
// start of the log, 0. A position of another epoch and any other string is a
// *PositionError.
func (s *Store) ParsePosition(p string) (uint64, error) {
	if p == "" {
		return 0, nil
	}
	epoch, digits, ok := strings.Cut(p, ".")
	seq, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || strconv.FormatUint(seq, 10) != digits {
		return 0, &PositionError{Position: p, Epoch: s.epoch, Reason: "malformed"}
	}
	if epoch != s.epoch {
		return 0, &PositionError{Position: p, Epoch: s.epoch, Reason: "it belongs to another log; this one is " + s.epoch}
	}
	return seq, nil
}
