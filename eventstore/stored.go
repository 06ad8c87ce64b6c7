package eventstore

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// Stored is an event as the server holds it: what a copy of the log is made of,
// and made into a log again.
type Stored struct {
	Seq     uint64
	Subject string
	Header  []byte    // as on the wire, its keys in order
	Data    []byte    // shared with the Record
	At      time.Time // when the server stored it; never goes back
}

// Bytes is its size: subject, header and data.
func (s Stored) Bytes() int { return len(s.Subject) + len(s.Header) + len(s.Data) }

// Record decodes the event.
func (s Stored) Record() (Record, error) {
	var h nats.Header
	if len(s.Header) > 0 {
		var err error
		if h, err = nats.DecodeHeadersMsg(s.Header); err != nil {
			return Record{Seq: s.Seq, Data: s.Data, Index: 1, Count: 1}, fmt.Errorf("headers of message %d: %w: %w", s.Seq, ErrInvalid, err)
		}
	}
	return DecodeRecord(s.Subject, s.Seq, h, s.Data)
}

// headerLine begins every block of headers (NATS client protocol, HPUB).
const headerLine = "NATS/1.0\r\n"

// wireHeader writes headers as the protocol does, keys in order, so that the
// same event always gives the same bytes.
func wireHeader(h nats.Header) []byte {
	if len(h) == 0 {
		return nil
	}
	var b bytes.Buffer
	b.WriteString(headerLine)
	for _, key := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[key] {
			b.WriteString(key + ": " + v + "\r\n")
		}
	}
	b.WriteString("\r\n")
	return b.Bytes()
}
