package memory

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"mime"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

var (
	digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	mediaPattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$`)
)

// Validate returns an Invalid error that names the first field that is wrong.
// s must have its defaults.
func (s Spec) Validate(now time.Time) error {
	if err := s.checkContent(); err != nil {
		return err
	}
	if !slices.Contains(Kinds(), s.Kind) {
		return domain.InvalidField("kind", "%.64q is not one of %v", string(s.Kind), Kinds())
	}
	if err := s.Scope.Check(); err != nil {
		return err
	}
	if err := domain.CheckText("subject", s.Subject, MaxSubject); err != nil {
		return err
	}
	if err := s.Source.check(); err != nil {
		return err
	}
	if err := s.Place.check(); err != nil {
		return err
	}
	if err := checkImportance(s.Importance); err != nil {
		return err
	}
	if err := domain.CheckNames("tags", s.Tags, MaxTags); err != nil {
		return err
	}
	if !s.ExpiresAt.IsZero() && !s.ExpiresAt.After(now) {
		return domain.InvalidField("expires_at", "%s is in the past", s.ExpiresAt.Format(time.RFC3339))
	}
	return domain.CheckTime("expires_at", s.ExpiresAt)
}

func (s Spec) checkContent() error {
	if s.Text == "" && s.Artifact == nil {
		return domain.InvalidField("text", "is empty, and there is no artifact")
	}
	if s.Text != "" {
		if err := checkText(s.Text); err != nil {
			return err
		}
	}
	if a := s.Artifact; a != nil && (!digestPattern.MatchString(a.Digest) || a.Size < 0) {
		return domain.InvalidField("artifact", "is not the digest of an artifact: sha256: and 64 hex digits")
	}
	if a := s.Artifact; a != nil {
		if err := domain.CheckText("artifact.media_type", a.MediaType, MaxMediaType); err != nil {
			return err
		}
	}
	return CheckMediaType("media_type", s.MediaType)
}

// CheckMediaType returns an Invalid error about field when s is not a media
// type of RFC 6838 in small letters, without parameters.
func CheckMediaType(field, s string) error {
	if !mediaPattern.MatchString(s) {
		return domain.InvalidField(field, "%.64q is not a media type such as text/plain", s)
	}
	return nil
}

// checkText bounds a text and refuses one that shows nothing. Lines and tabs
// are fine; NUL is not, since no database column holds it.
func checkText(text string) error {
	switch {
	case len(text) > MaxText:
		return domain.InvalidField("text", "is longer than %d bytes", MaxText)
	case !utf8.ValidString(text):
		return domain.InvalidField("text", "is not valid UTF-8")
	case strings.ContainsRune(text, 0):
		return domain.InvalidField("text", "holds a NUL")
	case !strings.ContainsFunc(text, visible):
		return domain.InvalidField("text", "is blank")
	}
	return nil
}

func visible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }

func checkImportance(v float64) error {
	if math.IsNaN(v) || v < 0 || v > 1 {
		return domain.InvalidField("importance", "%g is not between 0 and 1", v)
	}
	return nil
}

func (s Source) check() error {
	if s == (Source{}) {
		return nil
	}
	switch s.Type {
	case SourceTask, SourceAgent, SourcePerson, SourceDocument, SourceEvent:
		return domain.CheckText("source.id", s.ID, MaxSourceID)
	}
	return domain.InvalidField("source.type", "%.64q is not task, agent, person, document or event", s.Type)
}

func (p *Place) check() error {
	if p == nil {
		return nil
	}
	if err := domain.CheckName("place.document", p.Document); err != nil {
		return err
	}
	if p.URI == "" {
		return domain.InvalidField("place.uri", "is empty")
	}
	if err := domain.CheckText("place.uri", p.URI, MaxURI); err != nil {
		return err
	}
	if p.Ordinal < 0 {
		return domain.InvalidField("place.ordinal", "%d is below 0", p.Ordinal)
	}
	if p.Start < 0 || p.End <= p.Start {
		return domain.InvalidField("place.end", "bytes %d to %d are no piece of a document", p.Start, p.End)
	}
	if p.Line < 1 {
		return domain.InvalidField("place.line", "%d is below 1", p.Line)
	}
	return domain.CheckText("place.heading", p.Heading, MaxHeading)
}
