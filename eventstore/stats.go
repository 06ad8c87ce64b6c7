package eventstore

import "sync/atomic"

// Stats is a snapshot of what a Store has done since Open. All fields only
// grow, but Waiting.
type Stats struct {
	Appended     uint64 // events stored
	Decisions    uint64 // decisions stored
	Bytes        uint64 // payload bytes stored
	Conflicts    uint64 // decisions answered with *ConflictError
	HeldBack     uint64 // decisions found stale before they were sent
	Repeats      uint64 // decisions answered from an earlier append of their command
	Plain        uint64 // plain publishes sent
	Groups       uint64 // atomic batches sent
	Refused      uint64 // plain publishes and batches refused for an expectation
	Unknown      uint64 // decisions whose outcome had to be looked up
	Lost         uint64 // decisions answered with ErrUnknownOutcome
	TailRecords  uint64 // records handed to tails
	TailRestarts uint64 // consumers recreated by tails
	TailForeign  uint64 // messages in the log that are no events
	Waiting      int64  // decisions not answered yet
}

type counters struct {
	appended, decisions, bytes, conflicts, heldBack, repeats atomic.Uint64
	plain, groups, refused, unknown, lost                    atomic.Uint64
	tailRecords, tailRestarts, tailForeign                   atomic.Uint64
	waiting                                                  atomic.Int64
}

// Stats returns the counters, for metrics. They are read one after the other.
func (s *Store) Stats() Stats {
	c := &s.stats
	return Stats{
		Appended:     c.appended.Load(),
		Decisions:    c.decisions.Load(),
		Bytes:        c.bytes.Load(),
		Conflicts:    c.conflicts.Load(),
		HeldBack:     c.heldBack.Load(),
		Repeats:      c.repeats.Load(),
		Plain:        c.plain.Load(),
		Groups:       c.groups.Load(),
		Refused:      c.refused.Load(),
		Unknown:      c.unknown.Load(),
		Lost:         c.lost.Load(),
		TailRecords:  c.tailRecords.Load(),
		TailRestarts: c.tailRestarts.Load(),
		TailForeign:  c.tailForeign.Load(),
		Waiting:      c.waiting.Load(),
	}
}
