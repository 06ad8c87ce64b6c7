package eventstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Header names of the envelope: CloudEvents binary mode and mesh's own.
const (
	hSpecVersion = "ce-specversion"
	hID          = "ce-id"
	hType        = "ce-type"
	hSource      = "ce-source"
	hSubject     = "ce-subject"
	hTime        = "ce-time"
	hSchema      = "mesh-schema"
	hActor       = "mesh-actor"
	hFor         = "mesh-for"
	hCommand     = "mesh-command"
	hCorrelation = "mesh-correlation"
	hCausation   = "mesh-causation"
	hDecision    = "mesh-decision"
	hKey         = "mesh-key"
	hTraceParent = "traceparent"
)

const (
	specVersion   = "1.0"
	defaultSource = "/mesh"
)

// maxEnvelope bounds the envelope's values of one event, in bytes. The server
// takes 65,535 bytes of headers within a batch.
const maxEnvelope = 16 << 10

// headers is a nats.Header that is filled again for each message: the keys and
// their one-element slices stay allocated. The connection copies the header
// before PublishMsg returns, so reuse is safe for one goroutine.
type headers struct {
	h     nats.Header
	slots map[string][]string
}

func newHeaders() *headers {
	return &headers{h: make(nats.Header, 20), slots: make(map[string][]string, 20)}
}

// set gives key its one value; an empty value leaves the header out.
func (h *headers) set(key, value string) {
	if value == "" {
		delete(h.h, key)
		return
	}
	if slot, ok := h.h[key]; ok {
		slot[0] = value
		return
	}
	slot, ok := h.slots[key]
	if !ok {
		slot = make([]string, 1)
		h.slots[key] = slot
	}
	slot[0] = value
	h.h[key] = slot
}

// envelope fills h with the envelope of r; when is r.Time as it is written.
func (h *headers) envelope(r *Record, when string) {
	h.set(hSpecVersion, specVersion)
	h.set(hID, r.ID)
	h.set(hType, r.Type)
	h.set(hSource, r.Source)
	h.set(hSubject, r.Entity.Kind+"/"+r.Entity.ID)
	h.set(hTime, when)
	h.set(hSchema, strconv.Itoa(r.Schema))
	h.set(hActor, r.Actor)
	h.set(hFor, r.For)
	h.set(hCommand, r.Command)
	h.set(hCorrelation, r.Correlation)
	h.set(hCausation, r.Causation)
	h.set(hTraceParent, r.TraceParent)
	h.set(hKey, r.Key)
	h.set(hDecision, place(r.Index, r.Count))
}

// place returns "i/n".
func place(i, n int) string {
	if i == 1 && n == 1 {
		return "1/1"
	}
	return strconv.Itoa(i) + "/" + strconv.Itoa(n)
}

// EncodeHeader returns the envelope of r as message headers. Append writes the
// same ones, and beside them those that the server needs.
func EncodeHeader(r Record) nats.Header {
	h := newHeaders()
	h.envelope(&r, r.Time.Format(time.RFC3339Nano))
	return h.h
}

// DecodeRecord returns the event that a stored message holds. Data is not
// copied. A message that is no event of this package (its subject or envelope
// cannot be read) comes back as a Record with Seq, Data, as much of the rest as
// could be read, an empty Type, and Index and Count 1; the error wraps
// ErrInvalid and says why.
func DecodeRecord(subject string, seq uint64, h nats.Header, data []byte) (Record, error) {
	r := Record{
		Seq:         seq,
		ID:          first(h, hID),
		Type:        first(h, hType),
		Source:      first(h, hSource),
		Actor:       first(h, hActor),
		For:         first(h, hFor),
		Command:     first(h, hCommand),
		Correlation: first(h, hCorrelation),
		Causation:   first(h, hCausation),
		TraceParent: first(h, hTraceParent),
		Key:         first(h, hKey),
	}
	if len(data) > 0 {
		r.Data = data
	}
	if err := r.decodeTyped(subject, h); err != nil {
		r.Type, r.Index, r.Count = "", 1, 1
		return r, fmt.Errorf("message %d on %q: %w", seq, subject, err)
	}
	return r, nil
}

func (r *Record) decodeTyped(subject string, h nats.Header) (err error) {
	if r.Entity, err = ParseSubject(subject); err != nil {
		return err
	}
	if first(h, hSpecVersion) != specVersion || r.ID == "" || r.Type == "" {
		return fmt.Errorf("no CloudEvents %s envelope: %w", specVersion, ErrInvalid)
	}
	if r.Time, err = time.Parse(time.RFC3339Nano, first(h, hTime)); err != nil {
		return fmt.Errorf("%s: %w", hTime, ErrInvalid)
	}
	if r.Schema, err = strconv.Atoi(first(h, hSchema)); err != nil {
		return fmt.Errorf("%s: %w", hSchema, ErrInvalid)
	}
	r.Index, r.Count, err = parsePlace(first(h, hDecision))
	return err
}

// parsePlace is the inverse of place, for 1 <= i <= n.
func parsePlace(s string) (i, n int, err error) {
	if s == "1/1" {
		return 1, 1, nil
	}
	a, b, _ := strings.Cut(s, "/")
	i, err1 := strconv.Atoi(a)
	n, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || i < 1 || i > n || n > maxGroupMessages {
		return 0, 0, fmt.Errorf("%s: %w", hDecision, ErrInvalid)
	}
	return i, n, nil
}

func first(h nats.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// validValue reports whether s survives as a header value: printable ASCII
// without space at its ends.
func validValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}
