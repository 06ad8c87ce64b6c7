package eventtest

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// Fuzz checks that Decode never panics, and that whatever it accepts is
// written in the current schema and read back as the same.
func (s Suite[E]) Fuzz(f *testing.F) {
	f.Helper()
	for _, e := range s.Events {
		for schema := 1; schema <= s.Schema; schema++ {
			data, err := os.ReadFile(goldenPath(e.Type(), schema))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(e.Type(), schema, data)
		}
	}
	f.Fuzz(func(t *testing.T, typ string, schema int, data []byte) {
		e, err := s.Decode(typ, schema, data)
		if err != nil {
			return
		}
		if e.Type() != typ {
			t.Fatalf("%s was decoded as %s", typ, e.Type())
		}
		first := s.write(t, e)
		again, err := s.Decode(typ, s.Schema, first)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, first)
		}
		if second := s.write(t, again); !bytes.Equal(first, second) {
			t.Fatalf("written differently the second time:\n%s\n%s", first, second)
		}
	})
}

func (s Suite[E]) write(t *testing.T, e E) []byte {
	t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatalf("what was read cannot be written: %v\n%+v", err, e)
	}
	return data
}
