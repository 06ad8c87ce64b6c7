package name_test

import (
	"testing"

	"github.com/hivemesh/hivemesh/domain/eventtest"
	"github.com/hivemesh/hivemesh/domain/name"
)

// suite lists an example of every event; they are also the golden files.
func suite() eventtest.Suite[name.Event] {
	return eventtest.Suite[name.Event]{
		Schema: name.Schema, Decoders: name.Decoders, Decode: name.Decode,
		Events: []name.Event{
			name.Held{Owner: "0195a0a0-0000-7000-8000-000000000001"},
			name.Released{},
		},
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	suite().Run(t)
}

func FuzzDecode(f *testing.F) { suite().Fuzz(f) }
