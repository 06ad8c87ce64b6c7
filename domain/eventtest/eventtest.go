// Package eventtest is the test that every package of events passes: what was
// ever written can be read for ever. It wants a file
// testdata/events/<type>.v<schema>.json for each event type and each schema
// from 1 to the current one, also where a type is younger than a schema: it is
// then the same line. A file that is there is never changed.
package eventtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

const dir = "testdata/events"

func goldenName(typ string, schema int) string { return fmt.Sprintf("%s.v%d.json", typ, schema) }

func goldenPath(typ string, schema int) string { return filepath.Join(dir, goldenName(typ, schema)) }

// Suite describes one package of events, E being its sealed interface.
type Suite[E interface{ Type() string }] struct {
	Schema   int // that the package writes
	Decoders map[string]func([]byte) (E, error)
	Decode   func(typ string, schema int, data []byte) (E, error)
	Events   []E          // one of each type, every field set: what the golden files say
	Old      map[string]E // where an older file says something else, by its name
}

// Run checks the package in whose folder the test runs: its source, its
// decoders, Events and the golden files name the same types, and each file
// decodes to its event, those of the current schema and back byte for byte.
func (s Suite[E]) Run(t *testing.T) {
	t.Helper()
	t.Run("sealed set", s.sealedSet)
	t.Run("golden files", s.goldenFiles)
	t.Run("unknown", s.unknown)
}

func (s Suite[E]) sealedSet(t *testing.T) {
	t.Parallel()
	declared, err := wireNames(".")
	if err != nil {
		t.Fatal(err)
	}
	decoders, listed := map[string]bool{}, map[string]bool{}
	for typ := range s.Decoders {
		decoders[typ] = true
	}
	for _, e := range s.Events {
		listed[e.Type()] = true
		everyFieldSet(t, e.Type(), reflect.ValueOf(e))
	}
	for where, got := range map[string]map[string]bool{"Decoders": decoders, "Suite.Events": listed} {
		for _, typ := range without(declared, got) {
			t.Errorf("%s lacks %s, which has a method Type", where, typ)
		}
		for _, typ := range without(got, declared) {
			t.Errorf("%s has %s, which no method Type returns", where, typ)
		}
	}
}

// without returns the names in a that are not in b.
func without(a, b map[string]bool) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if !b[name] {
			names = append(names, name)
		}
	}
	return names
}

// everyFieldSet looks into embedded structs, too: their fields are the event's own.
func everyFieldSet(t *testing.T, typ string, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case f.Anonymous:
			everyFieldSet(t, typ, v.Field(i))
		case v.Field(i).IsZero():
			t.Errorf("%s: field %s of its example is not set", typ, f.Name)
		}
	}
}

func (s Suite[E]) goldenFiles(t *testing.T) {
	t.Parallel()
	wanted := map[string]bool{}
	for _, e := range s.Events {
		for schema := 1; schema <= s.Schema; schema++ {
			name := goldenName(e.Type(), schema)
			wanted[name] = true
			want, differs := s.Old[name]
			if !differs {
				want = e
			}
			s.goldenFile(t, name, schema, want)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !wanted[f.Name()] {
			t.Errorf("%s belongs to no event type and schema", f.Name())
		}
	}
}

func (s Suite[E]) goldenFile(t *testing.T, name string, schema int, want E) {
	t.Helper()
	written, err := json.Marshal(want)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Errorf("golden file: %v; a new one holds one line:\n%s", err, written)
		return
	}
	got, err := s.Decode(want.Type(), schema, data)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s decodes to something else:\n%+v\n%+v", name, got, want)
	}
	if schema == s.Schema && string(data) != string(written)+"\n" {
		t.Errorf("%s is written differently now:\n%s", name, written)
	}
}

func (s Suite[E]) unknown(t *testing.T) {
	t.Parallel()
	for _, e := range s.Events {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, schema := range []int{-1, 0, s.Schema + 1} {
			if got, err := s.Decode(e.Type(), schema, data); err == nil {
				t.Errorf("%s of schema %d was decoded: %+v", e.Type(), schema, got)
			}
		}
		for _, typ := range []string{"", e.Type() + "x", "other.happened"} {
			if got, err := s.Decode(typ, s.Schema, data); err == nil {
				t.Errorf("type %q was decoded: %+v", typ, got)
			}
		}
		for _, cut := range []string{"", "[]", "1", string(data[:len(data)-1]), string(data) + "x"} {
			if got, err := s.Decode(e.Type(), s.Schema, []byte(cut)); err == nil {
				t.Errorf("%s was decoded from %q: %+v", e.Type(), cut, got)
			}
		}
	}
}
