// Package document is one text that was split into chunks, which are items of
// memory. The document says which they are, and by the digest of its source
// whether it must be read again.
//
//	import    none, forgotten ► imported; imported ► imported when it changed
//	forget    imported ► forgotten; the chunks are forgotten on their own
package document

import (
	"regexp"
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/memory"
)

// EntityKind is the kind of a document, as it stands in subjects.
const EntityKind = "document"

// Limits of a document.
const (
	MaxChunks = 20_000
	MaxReason = 1024 // bytes
)

// Spec is what an importer says of a document.
type Spec struct {
	URI       string       `json:"uri"`
	Scope     memory.Scope `json:"scope"`  // of its chunks, too
	Digest    string       `json:"digest"` // "sha256:" and 64 hex digits, of the source's bytes
	Size      int64        `json:"size"`   // of the source, in bytes
	MediaType string       `json:"media_type"`
	Splitter  int          `json:"splitter"`         // version of the splitter that made the chunks
	Chunks    []string     `json:"chunks,omitempty"` // ids of items, in the document's order
	Tags      []string     `json:"tags,omitempty"`
}

// Document is the state of one document, folded from its events.
type Document struct {
	ID string
	Spec
	Forgotten  bool
	ImportedAt time.Time
}

// Event is a fact about a document. The set is sealed.
type Event interface {
	// Type is the event's name on the wire, such as "document.imported".
	Type() string
	apply(d Document, at time.Time) Document
}

// Imported says what the document is from now on.
type Imported struct{ Spec }

// Forgotten says that the document is gone.
type Forgotten struct {
	Reason string `json:"reason,omitempty"`
}

func (Imported) Type() string  { return "document.imported" }
func (Forgotten) Type() string { return "document.forgotten" }

func (e Imported) apply(d Document, at time.Time) Document {
	d.Spec, d.Forgotten, d.ImportedAt = e.Spec, false, at
	return d
}

func (e Forgotten) apply(d Document, _ time.Time) Document {
	d.Forgotten = true
	return d
}

// Apply returns d after e, which happened at at.
func (d Document) Apply(e Event, at time.Time) Document { return e.apply(d, at) }

// Exists reports whether the document was ever imported.
func (d Document) Exists() bool { return d.URI != "" }

// ErrNotFound refuses what is asked of a document that was never imported.
var ErrNotFound = &domain.Error{Kind: domain.NotFound, Code: "document_not_found", Message: "no such document"}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Same reports whether an import of s would change nothing: the document is
// there, and its source, splitter, tags and scope are s's.
func (d Document) Same(s Spec) bool {
	return d.Exists() && !d.Forgotten && d.URI == s.URI && d.Scope == s.Scope &&
		d.Digest == s.Digest && d.Splitter == s.Splitter && slices.Equal(d.Tags, s.Tags)
}

// Import says what the document is now. The same source, split by the same
// splitter, with the same tags and scope, changes nothing. It fails with an
// Invalid error that names the first field that is wrong.
func (d Document) Import(s Spec, _ time.Time) ([]Event, error) {
	s.Tags = slices.Compact(slices.Sorted(slices.Values(s.Tags)))
	if err := s.validate(); err != nil {
		return nil, err
	}
	if d.Same(s) {
		return nil, nil
	}
	return []Event{Imported{Spec: s}}, nil
}

// Forget takes the document away; what is forgotten stays so. It fails with
// ErrNotFound, and with an Invalid error when the reason is too long.
func (d Document) Forget(reason string) ([]Event, error) {
	if !d.Exists() {
		return nil, ErrNotFound
	}
	if d.Forgotten {
		return nil, nil
	}
	if err := domain.CheckText("reason", reason, MaxReason); err != nil {
		return nil, err
	}
	return []Event{Forgotten{Reason: reason}}, nil
}

func (s Spec) validate() error {
	if s.URI == "" {
		return domain.InvalidField("uri", "is empty")
	}
	if err := domain.CheckText("uri", s.URI, memory.MaxURI); err != nil {
		return err
	}
	if err := s.Scope.Check(); err != nil {
		return err
	}
	if !digestPattern.MatchString(s.Digest) {
		return domain.InvalidField("digest", "%.80q is not sha256: and 64 hex digits", s.Digest)
	}
	if s.Size < 0 {
		return domain.InvalidField("size", "%d is below 0", s.Size)
	}
	if err := memory.CheckMediaType("media_type", s.MediaType); err != nil {
		return err
	}
	if s.Splitter < 1 {
		return domain.InvalidField("splitter", "%d is below 1", s.Splitter)
	}
	if err := domain.CheckNames("chunks", s.Chunks, MaxChunks); err != nil {
		return err
	}
	return domain.CheckNames("tags", s.Tags, memory.MaxTags)
}
