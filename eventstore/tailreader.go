package eventstore

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// tailReader moves messages from a consumer into the mailbox. It checks that
// decisions arrive whole: a consumer may bring the first events of a batch
// before the batch is stored, and when the server restarts then, those
// sequences may be given to other events.
type tailReader struct {
	t         *tail
	messages  jetstream.MessagesContext
	box       *mailbox
	delivered uint64 // messages that the consumer has brought
	last      uint64 // sequence of the last message
	open      Record // the last message, while its decision goes on
	inside    bool
}

// run returns why reading ended.
func (r *tailReader) run(ctx context.Context) error {
	for {
		m, err := r.messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if r.delivered++; meta.Sequence.Consumer != r.delivered || meta.Sequence.Stream <= r.last {
			return errGap
		}
		record, err := DecodeRecord(m.Subject(), meta.Sequence.Stream, m.Headers(), m.Data())
		if err != nil {
			r.t.s.stats.tailForeign.Add(1)
			r.t.s.cfg.Log.Error().Err(err).Str("tail", r.t.opt.Name).Msg("the log holds a message that is no event")
		}
		if r.t.opt.Stored {
			record.Stored = &Stored{Seq: record.Seq, Subject: m.Subject(), Header: wireHeader(m.Headers()), Data: m.Data(), At: meta.Timestamp}
		}
		if r.t.opt.Kind != "" {
			record.Index, record.Count, r.last = 1, 1, record.Seq
		} else if err := r.join(record); err != nil {
			return err
		}
		if !r.box.put(record) {
			return ctx.Err()
		}
	}
}

// join checks that a record continues the decision before it. A decision that
// is torn in the log itself, seen twice, is handed on as it is.
func (r *tailReader) join(record Record) error {
	fits := !r.inside && record.Index == 1 ||
		r.inside && record.Command == r.open.Command && record.Index == r.open.Index+1 && record.Count == r.open.Count
	if !fits && record.Seq > r.t.torn {
		r.t.torn = record.Seq
		return errTorn
	}
	if !fits {
		r.t.s.cfg.Log.Error().Str("tail", r.t.opt.Name).Uint64("seq", record.Seq).Msg("the log holds a torn decision")
		r.box.endDecision()
	}
	r.last, r.open, r.inside = record.Seq, record, !record.EndsDecision()
	return nil
}
