package memory_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/memory"
)

// fieldTest wants a refusal about field; with no field, none.
type fieldTest struct {
	name, field string
	when        decision
}

func checkFields(t *testing.T, given []memory.Event, tests []fieldTest) {
	t.Helper()
	for _, tt := range tests {
		got, err := tt.when(fold(given))
		var e *domain.Error
		switch {
		case tt.field == "" && (err != nil || len(got) != 1):
			t.Errorf("%s: refused: %v, %v", tt.name, got, err)
		case tt.field != "" && (!errors.As(err, &e) || e.Kind != domain.Invalid || e.Field != tt.field || len(got) > 0):
			t.Errorf("%s: %v, %v; want a refusal about %s", tt.name, got, err, tt.field)
		}
	}
}

// Each limit: the change fits at the limit and is refused beyond it.
func TestRememberNamesTheField(t *testing.T) {
	t.Parallel()
	change := func(f func(*memory.Spec)) decision {
		s := full()
		s.Place = &memory.Place{Document: docID, URI: "u", End: 1, Line: 1}
		s.Artifact = &domain.Artifact{Digest: digest, MediaType: "image/png"}
		f(&s)
		return remember(s)
	}
	text := func(s string) decision { return change(func(m *memory.Spec) { m.Text, m.Artifact = s, nil }) }
	checkFields(t, nil, []fieldTest{
		{"artifact alone", "", change(func(s *memory.Spec) { s.Text, s.MediaType = "", "" })},
		{"nothing", "text", text("")},
		{"blank", "text", text(" \n\t\u00a0\u200b\u2028")},
		{"blank beside an artifact", "text", change(func(s *memory.Spec) { s.Text = " " })},
		{"one letter", "", text("\n私")},
		{"NUL", "text", text("a\x00b")},
		{"not UTF-8", "text", text("a\xffb")},
		{"half a character", "text", text("a\xe7\xa7")},
		{"an escape is the text's own", "", text("\x1b[31mred")},
		{"longest text", "", text(strings.Repeat("t", memory.MaxText))},
		{"text too long", "text", text(strings.Repeat("t", memory.MaxText+1))},
		{"artifact without digest", "artifact", change(func(s *memory.Spec) { s.Artifact.Digest = "" })},
		{"artifact of capital digits", "artifact", change(func(s *memory.Spec) { s.Artifact.Digest = strings.ToUpper(digest) })},
		{"artifact of negative size", "artifact", change(func(s *memory.Spec) { s.Artifact.Size = -1 })},
		{"artifact of an odd type", "artifact.media_type", change(func(s *memory.Spec) { s.Artifact.MediaType = "a\nb" })},
		{"no media type", "media_type", change(func(s *memory.Spec) { s.MediaType = "text" })},
		{"two media types", "media_type", change(func(s *memory.Spec) { s.MediaType = "text/plain/html" })},
		{"a media type with parameters", "", change(func(s *memory.Spec) { s.MediaType = "Text/HTML; charset=utf-8" })},
		{"unknown kind", "kind", change(func(s *memory.Spec) { s.Kind = "rumour" })},
		{"unknown scope", "scope", change(func(s *memory.Spec) { s.Scope = "world" })},
		{"longest subject", "", change(func(s *memory.Spec) { s.Subject = strings.Repeat("ö", memory.MaxSubject/2) })},
		{"subject too long", "subject", change(func(s *memory.Spec) { s.Subject = strings.Repeat("s", memory.MaxSubject+1) })},
		{"no source", "", change(func(s *memory.Spec) { s.Source = memory.Source{} })},
		{"a source of no type", "source.type", change(func(s *memory.Spec) { s.Source.Type = "" })},
		{"source id too long", "source.id", change(func(s *memory.Spec) { s.Source.ID = strings.Repeat("s", memory.MaxSourceID+1) })},
		{"summary of three", "", change(func(s *memory.Spec) {
			s.Kind, s.SummaryOf = memory.KindSummary, &memory.SummaryOf{Items: 3, Bytes: 9, By: "m"}
		})},
		{"fact of three", "summary_of", change(func(s *memory.Spec) {
			s.Kind, s.SummaryOf = memory.KindFact, &memory.SummaryOf{Items: 3, Bytes: 9, By: "m"}
		})},
		{"summary of none", "summary_of", change(func(s *memory.Spec) { s.Kind, s.SummaryOf = memory.KindSummary, &memory.SummaryOf{Bytes: 9, By: "m"} })},
		{"summary of nothing", "summary_of", change(func(s *memory.Spec) { s.Kind, s.SummaryOf = memory.KindSummary, &memory.SummaryOf{Items: 3, By: "m"} })},
		{"summary by nobody", "summary_of.by", change(func(s *memory.Spec) { s.Kind, s.SummaryOf = memory.KindSummary, &memory.SummaryOf{Items: 3, Bytes: 9} })},
		{"no place", "", change(func(s *memory.Spec) { s.Place = nil })},
		{"place in no document", "place.document", change(func(s *memory.Spec) { s.Place.Document = "" })},
		{"place without URI", "place.uri", change(func(s *memory.Spec) { s.Place.URI = "" })},
		{"URI too long", "place.uri", change(func(s *memory.Spec) { s.Place.URI = strings.Repeat("u", memory.MaxURI+1) })},
		{"negative ordinal", "place.ordinal", change(func(s *memory.Spec) { s.Place.Ordinal = -1 })},
		{"negative start", "place.end", change(func(s *memory.Spec) { s.Place.Start = -1 })},
		{"empty place", "place.end", change(func(s *memory.Spec) { s.Place.Start = 1 })},
		{"line 0", "place.line", change(func(s *memory.Spec) { s.Place.Line = 0 })},
		{"heading too long", "place.heading", change(func(s *memory.Spec) { s.Place.Heading = strings.Repeat("h", memory.MaxHeading+1) })},
		{"most important", "", change(func(s *memory.Spec) { s.Importance = 1 })},
		{"too important", "importance", change(func(s *memory.Spec) { s.Importance = math.Nextafter(1, 2) })},
		{"less than nothing", "importance", change(func(s *memory.Spec) { s.Importance = -0.1 })},
		{"no number", "importance", change(func(s *memory.Spec) { s.Importance = math.NaN() })},
		{"most tags", "", change(func(s *memory.Spec) { s.Tags = tags(memory.MaxTags) })},
		{"too many tags", "tags", change(func(s *memory.Spec) { s.Tags = tags(memory.MaxTags + 1) })},
		{"a tag with a space", "tags", change(func(s *memory.Spec) { s.Tags = []string{"a b"} })},
		{"over at once", "expires_at", change(func(s *memory.Spec) { s.ExpiresAt = instant(9) })},
		{"over next", "", change(func(s *memory.Spec) { s.ExpiresAt = instant(9).Add(1) })},
		{"over in the year 10000", "expires_at", change(func(s *memory.Spec) { s.ExpiresAt = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) })},
	})
}

func tags(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "t" + strings.Repeat("x", i)
	}
	return all
}

func TestOthersNameTheField(t *testing.T) {
	t.Parallel()
	vector := func(f func(*memory.Embedded)) decision {
		e := embedded("a")
		f(&e)
		return embed(e)
	}
	because := func(n int) string { return strings.Repeat("r", n) }
	over, nan := 1.5, math.NaN()
	checkFields(t, with(), []fieldTest{
		{"supersede by nothing", "by", supersede("")},
		{"supersede by itself", "by", supersede(itemID)},
		{"merge into itself", "into", merge(itemID)},
		{"merge into a text", "into", merge("an item")},
		{"merge from nowhere", "distance", func(i memory.Item) ([]memory.Event, error) { return i.Merge(otherID, nan) }},
		{"merge from the far side", "", func(i memory.Item) ([]memory.Event, error) { return i.Merge(otherID, 2) }},
		{"merge from beyond", "distance", func(i memory.Item) ([]memory.Event, error) { return i.Merge(otherID, 2.001) }},
		{"repeat itself", "by", func(i memory.Item) ([]memory.Event, error) { return i.Repeat(itemID) }},
		{"reinforce without reason", "reason", reinforce("")},
		{"reinforce for no task", "", func(i memory.Item) ([]memory.Event, error) { return i.Reinforce(memory.ReasonUnhelpful, "") }},
		{"reinforce for a text", "task", func(i memory.Item) ([]memory.Event, error) { return i.Reinforce(memory.ReasonUsed, "a task") }},
		{"longest reason", "", func(i memory.Item) ([]memory.Event, error) { return i.Forget(because(memory.MaxReason)) }},
		{"forget for too long a reason", "reason", func(i memory.Item) ([]memory.Event, error) { return i.Forget(because(memory.MaxReason + 1)) }},
		{"supersede for too long a reason", "reason", func(i memory.Item) ([]memory.Event, error) { return i.Supersede(otherID, because(memory.MaxReason+1)) }},
		{"correct for too long a reason", "reason", correct(memory.Correction{Text: "x", Reason: because(memory.MaxReason + 1)})},
		{"correct to nothing", "text", correct(memory.Correction{Text: " "})},
		{"correct to too much", "importance", correct(memory.Correction{Importance: &over})},
		{"correct to no number", "importance", correct(memory.Correction{Importance: &nan})},
		{"correct to no tag", "tags", correct(memory.Correction{Tags: []string{""}})},
		{"embed by no model", "model", vector(func(e *memory.Embedded) { e.Model = "" })},
		{"embed without dimensions", "dimensions", vector(func(e *memory.Embedded) { e.Dimensions = 0 })},
		{"embed too many dimensions", "dimensions", vector(func(e *memory.Embedded) { e.Dimensions = memory.MaxDimensions + 1 })},
		{"embed other dimensions", "vector", vector(func(e *memory.Embedded) { e.Dimensions = 6 })},
		{"embed zero", "vector", vector(func(e *memory.Embedded) { e.Vector = "AAAAgAAA" })},
		{"embed infinity", "vector", vector(func(e *memory.Embedded) { e.Vector = "AHwAAAAA" })},
		{"embed fewer than no tokens", "tokens", vector(func(e *memory.Embedded) { e.Tokens = -1 })},
	})
	checkFields(t, with(memory.Forgotten{}), []fieldTest{
		{"restore for too long a reason", "reason", func(i memory.Item) ([]memory.Event, error) { return i.Restore(because(memory.MaxReason + 1)) }},
	})
}
