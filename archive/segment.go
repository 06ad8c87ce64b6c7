package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats-server/v2/server/archive"

	"github.com/hivemesh/hivemesh/eventstore"
)

// maxSegment bounds a segment in bytes, compressed or not.
const maxSegment = 256 << 20

// encode makes the content of a segment.
func encode(events []eventstore.Stored) ([]byte, error) {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("compress a segment: %w", err)
	}
	w := archive.NewWriter(z)
	for _, e := range events {
		h := archive.Header{Name: e.Subject, Sequence: e.Seq, Timestamp: e.At.UnixNano(), HeaderSize: int64(len(e.Header)), PayloadSize: int64(len(e.Data))}
		if err := errors.Join(w.WriteHeader(&h), write(w, e.Header), write(w, e.Data)); err != nil {
			return nil, fmt.Errorf("write event %d to a segment: %w", e.Seq, err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		return nil, fmt.Errorf("write a segment: %w", err)
	}
	return b.Bytes(), nil
}

func write(w io.Writer, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	_, err := w.Write(p)
	return err
}

// decode reads the content of a segment.
func decode(data []byte) ([]eventstore.Stored, error) {
	z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSegment))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	r := archive.NewReader(io.LimitReader(z, maxSegment))
	var events []eventstore.Stored
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		if h.HeaderSize+h.PayloadSize > maxSegment {
			return nil, fmt.Errorf("event %d says that it has %d bytes", h.Sequence, h.HeaderSize+h.PayloadSize)
		}
		body := make([]byte, h.HeaderSize+h.PayloadSize)
		if _, err := io.ReadFull(r, body); err != nil {
			return nil, err
		}
		events = append(events, eventstore.Stored{
			Seq: h.Sequence, Subject: h.Name, At: time.Unix(0, h.Timestamp).UTC(),
			Header: body[:h.HeaderSize:h.HeaderSize], Data: body[h.HeaderSize:],
		})
	}
}
