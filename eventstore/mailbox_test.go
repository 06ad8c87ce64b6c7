package eventstore

import (
	"testing"

	"pgregory.net/rapid"
)

// TestMailbox puts decisions of random sizes and takes batches of random
// limits: nothing is lost, and no batch cuts a decision.
func TestMailbox(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newMailbox(0, 8, 100)
		sizes := rapid.SliceOfN(rapid.IntRange(1, 12), 1, 20).Draw(t, "sizes")
		limit := rapid.IntRange(1, 10).Draw(t, "limit")
		go func() {
			seq := uint64(0)
			for _, n := range sizes {
				for i := range n {
					seq++
					b.put(Record{Seq: seq, Index: i + 1, Count: n, Data: make([]byte, 20)})
				}
			}
		}()
		total := 0
		for _, n := range sizes {
			total += n
		}
		for seq := 0; seq < total; {
			rs, err := b.take(t.Context(), limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rs {
				if seq++; r.Seq != uint64(seq) {
					t.Fatalf("sequence %d at place %d", r.Seq, seq)
				}
			}
			if end := rs[len(rs)-1]; rs[0].Index != 1 || !end.EndsDecision() || len(rs) > max(limit, end.Count) {
				t.Fatalf("batch of %d with limit %d: from %d to %d/%d", len(rs), limit, rs[0].Index, end.Index, end.Count)
			}
		}
	})
}

// TestMailboxBounds: a full mailbox makes put wait, until something is taken or
// the mailbox is closed.
func TestMailboxBounds(t *testing.T) {
	t.Parallel()
	b := newMailbox(0, 2, 1000)
	one := Record{Index: 1, Count: 1}
	b.put(one)
	b.put(one)
	accepted := make(chan bool)
	go func() { accepted <- b.put(one) }()
	select {
	case <-accepted:
		t.Fatal("the third record was taken in")
	default:
	}
	if rs, err := b.take(t.Context(), 1); err != nil || len(rs) != 1 {
		t.Fatal(rs, err)
	}
	if !<-accepted {
		t.Fatal("refused after room was made")
	}
	go func() { accepted <- b.put(one) }()
	b.close()
	if <-accepted {
		t.Fatal("accepted by a closed mailbox")
	}
}
