package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats-server/v2/server/archive"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Copy is what a log is restored from.
type Copy struct {
	Epoch  string // identity of the log that was copied
	First  uint64 // sequence of the first event; 0 for none
	Last   uint64 // and of the last
	Events uint64
	Bytes  uint64 // about; room is reserved for it
	// Next returns the events in order, then io.EOF.
	Next func() (Stored, error)
}

// The requests of JetStream that nats.go does not know.
const (
	restoreSubject = "$JS.API.STREAM.RESTORE."
	restoreChunk   = 128 << 10
	restoreAnswer  = 30 * time.Second
)

// Restore makes the log anew from a copy, in the server's own backup format
// (NATS ADR-63), so that sequences, their holes, and times stay as they were.
// The new log has an identity of its own, which Restore returns. It stays
// closed to Open until FinishRestore; one that was cut off before is removed
// and begun again. It fails with ErrLogExists where there is a log.
func Restore(ctx context.Context, nc *nats.Conn, cfg Config, c Copy) (epoch string, err error) {
	cfg = cfg.withDefaults()
	js, err := jetstream.New(nc)
	if err != nil {
		return "", fmt.Errorf("open JetStream: %w", err)
	}
	if err := removeUnfinished(ctx, js, cfg.Stream); err != nil {
		return "", err
	}
	epoch = cfg.NewID()
	want := cfg.wanted(epoch)
	want.Metadata[metaOrigin] = fmt.Sprintf("%s.%d", c.Epoch, c.Last)
	want.Metadata[metaUnfinished] = cfg.Now().UTC().Format(time.RFC3339)
	w, err := beginRestore(ctx, nc, want)
	if err != nil {
		return "", err
	}
	if err := w.copy(c); err != nil {
		return "", fmt.Errorf("restore stream %s: %w", cfg.Stream, err)
	}
	info, err := w.end()
	if err != nil {
		return "", fmt.Errorf("restore stream %s: %w", cfg.Stream, err)
	}
	if info.State.LastSeq != c.Last || info.State.Msgs != c.Events {
		return "", fmt.Errorf("restore stream %s: it holds %d events up to %d, not %d up to %d", cfg.Stream, info.State.Msgs, info.State.LastSeq, c.Events, c.Last)
	}
	return epoch, nil
}

// FinishRestore opens a restored log to Open, once what belongs to it is
// restored too. Doing it again changes nothing.
func FinishRestore(ctx context.Context, nc *nats.Conn, cfg Config) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	stream, err := js.Stream(ctx, cfg.Stream)
	if err != nil {
		return fmt.Errorf("open stream %s: %w", cfg.Stream, unavailable(err))
	}
	now := stream.CachedInfo().Config
	delete(now.Metadata, metaUnfinished)
	if _, err := js.UpdateStream(ctx, now); err != nil {
		return fmt.Errorf("finish the restore of stream %s: %w", cfg.Stream, unavailable(err))
	}
	return nil
}

func removeUnfinished(ctx context.Context, js jetstream.JetStream, name string) error {
	stream, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open stream %s: %w", name, unavailable(err))
	}
	if stream.CachedInfo().Config.Metadata[metaUnfinished] == "" {
		return fmt.Errorf("stream %s: %w", name, ErrLogExists)
	}
	if err := js.DeleteStream(ctx, name); err != nil {
		return fmt.Errorf("remove what an earlier restore left of stream %s: %w", name, unavailable(err))
	}
	return nil
}

// restoreWriter sends a backup to the server, chunk by chunk; each is answered.
type restoreWriter struct {
	ctx     context.Context
	nc      *nats.Conn
	subject string
	chunk   []byte
	s2      *s2.Writer
	entries *archive.Writer
}

func beginRestore(ctx context.Context, nc *nats.Conn, cfg jetstream.StreamConfig) (*restoreWriter, error) {
	body, err := json.Marshal(struct {
		Config jetstream.StreamConfig `json:"config"`
	}{cfg})
	if err != nil {
		return nil, fmt.Errorf("restore stream %s: %w", cfg.Name, err)
	}
	w := &restoreWriter{ctx: ctx, nc: nc, subject: restoreSubject + cfg.Name}
	var began struct {
		answer
		Deliver string `json:"deliver_subject"`
	}
	if err := w.ask(body, &began); err != nil {
		return nil, fmt.Errorf("restore stream %s: %w", cfg.Name, err)
	}
	w.subject = began.Deliver
	w.s2 = s2.NewWriter(w, s2.WriterConcurrency(1))
	w.entries = archive.NewWriter(w.s2)
	return w, nil
}

// answer is what every answer of the JetStream API may hold.
type answer struct {
	Error *jetstream.APIError `json:"error"`
}

func (a answer) failure() error {
	if a.Error == nil {
		return nil
	}
	return a.Error
}

// ask sends one request and reads its answer, which may be empty.
func (w *restoreWriter) ask(body []byte, into interface{ failure() error }) error {
	ctx, cancel := context.WithTimeout(w.ctx, restoreAnswer)
	defer cancel()
	m, err := w.nc.RequestWithContext(ctx, w.subject, body)
	if err != nil {
		return unavailable(err)
	}
	if len(m.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(m.Data, into); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	return into.failure()
}

// Write implements io.Writer for the compressed backup.
func (w *restoreWriter) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		take := min(len(p)-n, restoreChunk-len(w.chunk))
		w.chunk = append(w.chunk, p[n:n+take]...)
		n += take
		if len(w.chunk) == restoreChunk {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

func (w *restoreWriter) flush() error {
	if len(w.chunk) == 0 {
		return nil // an empty chunk would be the end
	}
	err := w.ask(w.chunk, &answer{})
	w.chunk = w.chunk[:0]
	return err
}

// copy sends the state of the stream, its events, and the mark of the end.
func (w *restoreWriter) copy(c Copy) error {
	state, err := json.Marshal(map[string]uint64{"messages": c.Events, "bytes": c.Bytes, "first_seq": max(c.First, 1), "last_seq": c.Last, "consumer_count": 0})
	if err != nil {
		return err
	}
	if err := w.entry(archive.Header{Name: "state.json", PayloadSize: int64(len(state))}, state); err != nil {
		return err
	}
	for {
		e, err := c.Next()
		if errors.Is(err, io.EOF) {
			return w.entry(archive.Header{})
		}
		if err != nil {
			return err
		}
		h := archive.Header{Name: e.Subject, Timestamp: e.At.UnixNano(), Sequence: e.Seq, HeaderSize: int64(len(e.Header)), PayloadSize: int64(len(e.Data))}
		if err := w.entry(h, e.Header, e.Data); err != nil {
			return err
		}
	}
}

func (w *restoreWriter) entry(h archive.Header, parts ...[]byte) error {
	if err := w.entries.WriteHeader(&h); err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := w.entries.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// end sends what is left; the server then says what it has stored.
func (w *restoreWriter) end() (jetstream.StreamInfo, error) {
	if err := w.s2.Close(); err != nil {
		return jetstream.StreamInfo{}, err
	}
	if err := w.flush(); err != nil {
		return jetstream.StreamInfo{}, err
	}
	var done struct {
		answer
		jetstream.StreamInfo
	}
	err := w.ask(nil, &done)
	return done.StreamInfo, err
}
