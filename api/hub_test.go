package api

import (
	"testing"

	"github.com/hivemesh/hivemesh/eventstore"
)

// TestFeedsTakePieces: whatever the ring holds, a feed takes little of it at a
// time, and misses nothing.
func TestFeedsTakePieces(t *testing.T) {
	t.Parallel()
	h := newHub(nil)
	h.set(0, true)
	var rs []eventstore.Record
	for seq := uint64(1); seq <= 1000; seq++ {
		r := eventstore.Record{Seq: seq}
		if seq > 900 {
			r.Data = make([]byte, 100<<10)
		}
		rs = append(rs, r)
	}
	h.add(rs)
	for at := uint64(0); at < 1000; {
		piece, _, covered, _ := h.after(at)
		size := 0
		for i, e := range piece {
			size += len(e.Data)
			if e.Seq != at+1+uint64(i) {
				t.Fatalf("behind %d comes %d", at+uint64(i), e.Seq)
			}
		}
		if !covered || len(piece) == 0 || len(piece) > pieceRecords || size >= pieceBytes+100<<10 || cap(piece) > 2*pieceRecords {
			t.Fatalf("behind %d: %d records of %d bytes", at, len(piece), size)
		}
		at = piece[len(piece)-1].Seq
	}
}
