package document_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/document"
	"github.com/hivemesh/hivemesh/domain/eventtest"
	"github.com/hivemesh/hivemesh/domain/memory"
)

const (
	digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	other  = "sha256:1f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)

func spec() document.Spec {
	return document.Spec{
		URI: "file:///doc/Größe.md", Scope: memory.TenantScope, Digest: digest, Size: 5000, MediaType: "text/markdown", Splitter: 1,
		Chunks: []string{"0195a0a0-0000-7000-8000-000000000001", "0195a0a0-0000-7000-8000-000000000002"}, Tags: []string{"doc", "lang/de"},
	}
}

func suite() eventtest.Suite[document.Event] {
	return eventtest.Suite[document.Event]{
		Schema: document.Schema, Decoders: document.Decoders, Decode: document.Decode,
		Events: []document.Event{document.Imported{Spec: spec()}, document.Forgotten{Reason: "moved"}},
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	suite().Run(t)
}

func FuzzDecode(f *testing.F) { suite().Fuzz(f) }

func fold(events ...document.Event) document.Document {
	d := document.Document{ID: "0195a0a0-0000-7000-8000-000000000003"}
	for i, e := range events {
		d = d.Apply(e, instant(i))
	}
	return d
}

func instant(s int) time.Time { return time.Date(2026, 3, 1, 12, 0, s, 0, time.UTC) }

func change(f func(*document.Spec)) document.Spec {
	s := spec()
	f(&s)
	return s
}

func TestImport(t *testing.T) {
	t.Parallel()
	there, gone := document.Imported{Spec: spec()}, document.Forgotten{}
	edited := change(func(s *document.Spec) { s.Digest = other })
	resplit := change(func(s *document.Spec) { s.Splitter = 2 })
	tagged := change(func(s *document.Spec) { s.Tags = []string{"doc"} })
	scoped := change(func(s *document.Spec) { s.Scope = memory.TeamScope("a") })
	for _, tt := range []struct {
		name  string
		given []document.Event
		spec  document.Spec
		then  []document.Event
	}{
		{"new", nil, spec(), []document.Event{there}},
		{"unchanged", []document.Event{there}, spec(), nil},
		{"tags in another order", []document.Event{there}, change(func(s *document.Spec) { s.Tags = []string{"lang/de", "doc", "doc"} }), nil},
		{"other bytes", []document.Event{there}, edited, []document.Event{document.Imported{Spec: edited}}},
		{"another splitter", []document.Event{there}, resplit, []document.Event{document.Imported{Spec: resplit}}},
		{"other tags", []document.Event{there}, tagged, []document.Event{document.Imported{Spec: tagged}}},
		{"another scope", []document.Event{there}, scoped, []document.Event{document.Imported{Spec: scoped}}},
		{"after it was forgotten", []document.Event{there, gone}, spec(), []document.Event{there}},
	} {
		got, err := fold(tt.given...).Import(tt.spec, instant(9))
		if diff := cmp.Diff(tt.then, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	if got, err := fold().Forget("x"); !errors.Is(err, document.ErrNotFound) || got != nil {
		t.Errorf("never imported: %v, %v", got, err)
	}
	there := document.Imported{Spec: spec()}
	got, err := fold(there).Forget("moved")
	if diff := cmp.Diff([]document.Event{document.Forgotten{Reason: "moved"}}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := fold(there, document.Forgotten{}).Forget("moved"); len(got) > 0 || err != nil {
		t.Errorf("twice: %v, %v", got, err)
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	want := document.Document{ID: fold().ID, Spec: spec(), Forgotten: true, ImportedAt: instant(0)}
	if diff := cmp.Diff(want, fold(document.Imported{Spec: spec()}, document.Forgotten{})); diff != "" {
		t.Error(diff)
	}
	want.Forgotten, want.ImportedAt = false, instant(2)
	if diff := cmp.Diff(want, fold(document.Imported{Spec: spec()}, document.Forgotten{}, document.Imported{Spec: spec()})); diff != "" {
		t.Error(diff)
	}
}

// Each limit: the change fits at the limit and is refused beyond it.
func TestImportNamesTheField(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, field string
		change      func(*document.Spec)
	}{
		{"no chunks", "", func(s *document.Spec) { s.Chunks, s.Size = nil, 0 }},
		{"no URI", "uri", func(s *document.Spec) { s.URI = "" }},
		{"longest URI", "", func(s *document.Spec) { s.URI = strings.Repeat("u", memory.MaxURI) }},
		{"URI too long", "uri", func(s *document.Spec) { s.URI = strings.Repeat("u", memory.MaxURI+1) }},
		{"no scope", "scope", func(s *document.Spec) { s.Scope = "" }},
		{"digest without its algorithm", "digest", func(s *document.Spec) { s.Digest = digest[7:] }},
		{"digest and a line", "digest", func(s *document.Spec) { s.Digest += "\n" }},
		{"negative size", "size", func(s *document.Spec) { s.Size = -1 }},
		{"no media type", "media_type", func(s *document.Spec) { s.MediaType = "" }},
		{"no splitter", "splitter", func(s *document.Spec) { s.Splitter = 0 }},
		{"most chunks", "", func(s *document.Spec) { s.Chunks = strings.Split(strings.Repeat("c ", document.MaxChunks-1)+"c", " ") }},
		{"too many chunks", "chunks", func(s *document.Spec) { s.Chunks = strings.Split(strings.Repeat("c ", document.MaxChunks)+"c", " ") }},
		{"a chunk that is no id", "chunks", func(s *document.Spec) { s.Chunks = []string{""} }},
		{"a tag with a space", "tags", func(s *document.Spec) { s.Tags = []string{"a b"} }},
	} {
		got, err := fold().Import(change(tt.change), instant(9))
		var e *domain.Error
		switch {
		case tt.field == "" && (err != nil || len(got) != 1):
			t.Errorf("%s: refused: %v", tt.name, err)
		case tt.field != "" && (!errors.As(err, &e) || e.Kind != domain.Invalid || e.Field != tt.field || got != nil):
			t.Errorf("%s: %v, %v; want a refusal about %s", tt.name, got, err, tt.field)
		}
	}
	if _, err := fold(document.Imported{Spec: spec()}).Forget(strings.Repeat("r", document.MaxReason+1)); domain.KindOf(err) != domain.Invalid {
		t.Errorf("a reason too long: %v", err)
	}
}
