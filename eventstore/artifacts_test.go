package eventstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/eventstore"
)

const artifactAge = 24 * time.Hour

// depot is a store with a collector whose clock the test sets.
type depot struct {
	*testing.T
	*eventstore.Store
	js        jetstream.JetStream
	collector *eventstore.ArtifactCollector
	after     uint64 // what the collector has folded
}

func newDepot(t *testing.T) *depot {
	t.Helper()
	s, nc := setup(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return &depot{T: t, Store: s, js: js, collector: s.NewArtifactCollector(artifactAge)}
}

// bulk is large enough for several chunks.
func bulk(what string) []byte { return bytes.Repeat([]byte(what), 300_000/len(what)) }

func (d *depot) put(what string) eventstore.Artifact {
	d.Helper()
	a, err := d.PutArtifact(d.Context(), "acme", "text/plain", bulk(what))
	if err != nil {
		d.Fatal(err)
	}
	return a
}

func objectName(a eventstore.Artifact) string {
	return "acme/" + strings.TrimPrefix(a.Digest, "sha256:")
}

// name appends an event that names the artifact.
func (d *depot) name(a eventstore.Artifact) {
	d.Helper()
	w := one(newEntity(), 0, "names-"+a.Digest)
	w.Writes[0].Events[0].Data = fmt.Appendf(nil, `{"input":{"artifact":{"digest":%q}}}`, a.Digest)
	if _, err := d.Append(d.Context(), w); err != nil {
		d.Fatal(err)
	}
}

// fold gives the collector what is new in the log.
func (d *depot) fold() {
	d.Helper()
	end, err := d.LastSeq(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	ctx, cancel := context.WithCancel(d.Context())
	defer cancel()
	if d.after == end {
		return
	}
	_ = d.Tail(ctx, d.after, eventstore.TailOptions{}, func(rs []eventstore.Record) error {
		d.collector.Fold(rs)
		if d.after = rs[len(rs)-1].Seq; d.after >= end {
			cancel()
		}
		return nil
	})
}

// sweep sweeps at a time from now, and returns how many objects went.
func (d *depot) sweep(later time.Duration, may func() bool) int {
	d.Helper()
	d.fold()
	got, err := d.collector.Sweep(d.Context(), time.Now().Add(later), may)
	if err != nil {
		d.Fatal(err)
	}
	return got.Objects
}

func (d *depot) there(a eventstore.Artifact) bool {
	d.Helper()
	_, err := d.GetArtifact(d.Context(), "acme", a.Digest)
	if err != nil && !errors.Is(err, eventstore.ErrNotFound) {
		d.Fatal(err)
	}
	return err == nil
}

// messages is how many the bucket holds: entries and chunks.
func (d *depot) messages() uint64 {
	d.Helper()
	s, err := d.js.Stream(d.Context(), "OBJ_ARTIFACTS")
	if err != nil {
		d.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func always() bool { return true }

func TestArtifactsThatNoEventNamesAreCollected(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	named := d.put("named ")
	d.name(named)
	whole := d.messages()
	stray := d.put("stray ")
	for i, s := range []struct {
		later time.Duration
		want  int
	}{
		{0, 0}, {23 * time.Hour, 0}, {23 * time.Hour, 0}, // young
		{25 * time.Hour, 0}, // found for the first time
		{25 * time.Hour, 1}, {25 * time.Hour, 0},
	} {
		if got := d.sweep(s.later, always); got != s.want {
			t.Fatalf("sweep %d removed %d objects, want %d", i, got, s.want)
		}
	}
	if !d.there(named) || d.there(stray) || d.messages() != whole {
		t.Errorf("named there: %t, stray there: %t, %d messages of %d", d.there(named), d.there(stray), d.messages(), whole)
	}
	if again := d.put("stray "); !d.there(again) {
		t.Error("the object could not be put again")
	}
}

func TestArtifactsPutAgainStay(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.put("a")
	d.sweep(25*time.Hour, always)
	d.put("a") // between two sweeps
	if d.sweep(25*time.Hour, always) != 0 || !d.there(a) {
		t.Fatal("an object went although it was put again after the sweep before")
	}
	// Between the sweep's last look and the removal: that is when may is asked.
	asked := 0
	got := d.sweep(25*time.Hour, func() bool {
		if asked++; asked == 2 {
			d.put("a")
		}
		return true
	})
	if asked != 2 || got != 0 || !d.there(a) {
		t.Errorf("asked %d times; an object went although it was put again before its removal", asked)
	}
}

// TestArtifactPutAndRemovalAtOnce has each put meet the removal of what it
// finds: whatever the order, the object is there when both have ended.
func TestArtifactPutAndRemovalAtOnce(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.put("a")
	removed := 0
	for range 60 {
		remove, err := d.RemovalOf(t.Context(), objectName(a))
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(func() {
			went, err := remove()
			if err != nil {
				t.Error(err)
			}
			if went {
				removed++
			}
		})
		both.Go(func() { d.put("a") })
		both.Wait()
		if !d.there(a) {
			t.Fatal("the object went although it was put")
		}
	}
	t.Logf("%d of 60 removals came first", removed)
}

func TestArtifactsNamedAfterTheFirstSweepStay(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.put("a")
	d.sweep(25*time.Hour, always)
	d.name(a)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := d.collector.Sweep(ctx, time.Now().Add(25*time.Hour), func() bool { cancel(); return true })
	if err == nil || !d.there(a) {
		t.Fatalf("a sweep did not wait for the log: %v", err)
	}
	if d.sweep(26*time.Hour, always)+d.sweep(27*time.Hour, always) != 0 || !d.there(a) {
		t.Error("an object that an event names is gone")
	}
}

func TestArtifactsAreCollectedOnlyByWhoMay(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.put("a")
	for _, may := range []bool{true, false, true} { // the last begins anew
		if d.sweep(25*time.Hour, func() bool { return may }) != 0 || !d.there(a) {
			t.Fatal("an object went")
		}
	}
	if d.sweep(25*time.Hour, always) != 1 {
		t.Error("the object did not go")
	}
}

func TestArtifactRemovalCutShortIsFinished(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.put("a")
	if err := d.MarkRemoved(t.Context(), objectName(a)); err != nil {
		t.Fatal(err)
	}
	if d.there(a) || d.messages() < 2 {
		t.Fatal("the removal is not half done")
	}
	d.sweep(25*time.Hour, always)
	d.sweep(25*time.Hour, always)
	if got := d.messages(); got != 0 {
		t.Errorf("%d messages are left", got)
	}
}

func TestArtifactsOfAnotherLogAreLeftAlone(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.put("a")
	if err := d.js.DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	s := open(t, d.js.Conn(), eventstore.Config{Stream: "EVENTS"})
	d.Store, d.collector, d.after = s, s.NewArtifactCollector(artifactAge), 0
	if d.sweep(25*time.Hour, always)+d.sweep(25*time.Hour, always) != 0 || !d.there(a) {
		t.Error("an object of another log is gone")
	}
	d.put("a") // now it is of this log
	if d.sweep(25*time.Hour, always)+d.sweep(25*time.Hour, always) != 1 {
		t.Error("an object of this log stayed")
	}
}

func TestArtifactsOfEventsOfAnyTypeAreNamed(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	quoted, elsewhere := d.put("quoted"), d.put("elsewhere")
	text := one(newEntity(), 0, "c1")
	text.Writes[0].Events[0] = eventstore.NewEvent{Type: "of.tomorrow", Schema: 9, Data: fmt.Appendf(nil, `["sha256:","sha256:00","see %s"]`, quoted.Digest)}
	other := one(eventstore.Entity{Tenant: "other", Kind: "task", ID: "t1"}, 0, "c2")
	other.Writes[0].Events[0].Data = fmt.Appendf(nil, "%q", elsewhere.Digest)
	for _, w := range []eventstore.Decision{text, other} {
		if _, err := d.Append(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	d.sweep(25*time.Hour, always)
	if d.sweep(25*time.Hour, always) != 1 || !d.there(quoted) || d.there(elsewhere) {
		t.Error("a reference was missed, or one of another tenant counted")
	}
}
