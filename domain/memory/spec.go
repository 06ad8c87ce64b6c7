package memory

import (
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Limits of a Spec, in bytes where it is not a number of things.
const (
	MaxText      = 64 << 10
	MaxMediaType = 255
	MaxSubject   = 256
	MaxTags      = 32
	MaxSourceID  = 256
	MaxURI       = 2048
	MaxHeading   = 1024
)

// Kind says what sort of knowledge an item is.
type Kind string

// The kinds.
const (
	KindFact       Kind = "fact"
	KindDecision   Kind = "decision"
	KindChunk      Kind = "chunk"      // a piece of a document; see Place
	KindEpisode    Kind = "episode"    // what an agent went through
	KindSkill      Kind = "skill"      // how something is done
	KindSummary    Kind = "summary"    // of other items
	KindCheckpoint Kind = "checkpoint" // the state of an agent that sleeps
)

// Kinds returns every kind.
func Kinds() []Kind {
	return []Kind{KindFact, KindDecision, KindChunk, KindEpisode, KindSkill, KindSummary, KindCheckpoint}
}

// Source says where an item comes from.
type Source struct {
	Type string `json:"type"`          // one of the Source constants
	ID   string `json:"id,omitempty"`  // of the task, agent, person, document or event
	Seq  uint64 `json:"seq,omitempty"` // position in the log
}

// The types of sources.
const (
	SourceTask     = "task"
	SourceAgent    = "agent"
	SourcePerson   = "person"
	SourceDocument = "document"
	SourceEvent    = "event"
)

// Place is where a chunk stands in its document.
type Place struct {
	Document string `json:"document"` // id of the document entity
	URI      string `json:"uri"`
	Ordinal  int    `json:"ordinal"`           // from 0, in the document's order
	Start    int    `json:"start"`             // byte of the document at which the chunk begins
	End      int    `json:"end"`               // first byte after it
	Line     int    `json:"line"`              // of Start, from 1
	Heading  string `json:"heading,omitempty"` // path of headings, or the declaration's name
}

// Spec is what somebody asks to be remembered. At least one of Text and
// Artifact is set; the artifact alone is found by its subject and tags only.
type Spec struct {
	Text       string           `json:"text,omitempty"`
	Artifact   *domain.Artifact `json:"artifact,omitempty"`
	MediaType  string           `json:"media_type"` // RFC 6838, without parameters
	Kind       Kind             `json:"kind"`
	Scope      Scope            `json:"scope"`
	Subject    string           `json:"subject,omitempty"` // what it is about: a newer item of the same subject and scope supersedes
	Source     Source           `json:"source,omitzero"`
	Place      *Place           `json:"place,omitempty"`
	Importance float64          `json:"importance"`     // above 0 to 1
	Tags       []string         `json:"tags,omitempty"` // sorted, each once
	ExpiresAt  time.Time        `json:"expires_at,omitzero"`
	SummaryOf  *SummaryOf       `json:"summary_of,omitempty"` // of a summary
}

// SummaryOf is what a summary was made of.
type SummaryOf struct {
	Items int    `json:"items"`
	Bytes int    `json:"bytes"` // of their texts together
	By    string `json:"by"`    // what wrote it: "extractive", or a model's name
}

// WithDefaults returns s with everything unset made explicit: a fact for the
// whole tenant, of the artifact's media type or text/plain, of importance 0.5.
// The media type loses its parameters; tags are sorted, each kept once.
func (s Spec) WithDefaults() Spec {
	if s.Kind == "" {
		s.Kind = KindFact
	}
	if s.Scope == "" {
		s.Scope = TenantScope
	}
	if s.MediaType == "" && s.Text == "" && s.Artifact != nil {
		s.MediaType = s.Artifact.MediaType
	}
	if s.MediaType == "" {
		s.MediaType = "text/plain"
	}
	if bare, _, err := mime.ParseMediaType(s.MediaType); err == nil {
		s.MediaType = bare
	}
	if s.Importance == 0 {
		s.Importance = 0.5
	}
	s.Tags = sortedTags(s.Tags)
	return s
}

func sortedTags(tags []string) []string { return slices.Compact(slices.Sorted(slices.Values(tags))) }

// Hash returns "sha256:" and the digest, in hex, of the media type, the
// artifact's digest and the text, a NUL between them.
func (s Spec) Hash() string {
	digest := ""
	if s.Artifact != nil {
		digest = s.Artifact.Digest
	}
	sum := sha256.Sum256([]byte(s.MediaType + "\x00" + digest + "\x00" + s.Text))
	return "sha256:" + hex.EncodeToString(sum[:])
}
