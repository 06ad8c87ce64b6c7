package memory_test

import (
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/eventtest"
	"github.com/hivemesh/hivemesh/domain/memory"
)

const (
	itemID  = "0195a0a0-0000-7000-8000-000000000001"
	otherID = "0195a0a0-0000-7000-8000-000000000002"
	docID   = "0195a0a0-0000-7000-8000-000000000003"
	taskID  = "0195a0a0-0000-7000-8000-000000000004"
	digest  = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)

func day(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 500_000_000, time.UTC) }

func full() memory.Spec {
	return memory.Spec{
		Text: "Größe \"zählt\"\n\tnicht.", Artifact: &domain.Artifact{Digest: digest, Size: 70_000, MediaType: "application/pdf"},
		MediaType: "text/markdown", Kind: memory.KindChunk, Scope: memory.TeamScope("research"), Subject: "size",
		Source: memory.Source{Type: memory.SourceDocument, ID: docID, Seq: 7},
		Place: &memory.Place{
			Document: docID, URI: "file:///doc/size.md", Ordinal: 2, Start: 1200, End: 2300, Line: 31, Heading: "Sizes > Why",
		},
		Importance: 0.75, Tags: []string{"doc", "lang/de"}, ExpiresAt: day(30),
	}
}

// suite lists an example of every event; they are also the golden files.
func suite() eventtest.Suite[memory.Event] {
	importance, all := 0.9, full()
	all.SummaryOf = &memory.SummaryOf{Items: 12, Bytes: 3456, By: "extractive"} // a chunk has none; the wire does not mind
	return eventtest.Suite[memory.Event]{
		Schema: memory.Schema, Decoders: memory.Decoders, Decode: memory.Decode,
		Old: map[string]memory.Event{"memory.remembered.v1.json": memory.Remembered{Spec: full(), Hash: full().Hash()}},
		Events: []memory.Event{
			memory.Remembered{Spec: all, Hash: full().Hash()},
			memory.Embedded{Model: "ngram-v1/512", Dimensions: 3, Vector: "ADwAwP97", Hash: full().Hash(), Tokens: 5},
			memory.Superseded{By: otherID, Reason: "newer"},
			memory.Merged{Into: otherID, Distance: 0.03125},
			memory.Reinforced{Reason: memory.ReasonHelpful, Task: taskID, By: otherID, ExpiresAt: day(29)},
			memory.Corrected{Text: "Größe zählt.", Importance: &importance, Tags: []string{"doc"}, Hash: digest, Reason: "wrong"},
			memory.Moved{Place: *full().Place},
			memory.Forgotten{Reason: "asked for"},
			memory.Restored{Reason: "by mistake", ExpiresAt: day(28)},
		},
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	suite().Run(t)
}

func FuzzDecode(f *testing.F) { suite().Fuzz(f) }

// A reason that is unknown would be folded as nothing; tags taken away are not
// tags that stay.
func TestDecodeReadsWhatIsFolded(t *testing.T) {
	t.Parallel()
	if e, err := memory.Decode("memory.reinforced", 1, []byte(`{"reason":"adored"}`)); err == nil {
		t.Errorf("decoded: %+v", e)
	}
	for data, none := range map[string]bool{`{"hash":"h"}`: true, `{"hash":"h","tags":[]}`: false} {
		e, err := memory.Decode("memory.corrected", 1, []byte(data))
		if err != nil || (e.(memory.Corrected).Tags == nil) != none {
			t.Errorf("%s: %+v, %v", data, e, err)
		}
	}
}
