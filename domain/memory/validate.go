package memory

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hivemesh/hivemesh/domain"
)

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
	if err := s.SummaryOf.check(s.Kind); err != nil {
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

func (o *SummaryOf) check(k Kind) error {
	switch {
	case o == nil:
		return nil
	case k != KindSummary:
		return domain.InvalidField("summary_of", "is of a summary only, and this is a %s", k)
	case o.Items < 1 || o.Bytes < 1:
		return domain.InvalidField("summary_of", "%d items of %d bytes: there must be at least one of each", o.Items, o.Bytes)
	}
	return domain.CheckModel("summary_of.by", o.By)
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
