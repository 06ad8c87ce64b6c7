package archive_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"testing"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
	"github.com/hivemesh/hivemesh/eventstore"
)

// counting is a target that counts what is read at a time.
type counting struct {
	archive.Target
	now, most atomic.Int32
}

func (c *counting) Get(ctx context.Context, name string, limit int64) ([]byte, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	return c.Target.Get(ctx, name, limit)
}

// TestSegmentsAhead: they come in order, however often and however far they are
// read, and no more than a few at a time.
func TestSegmentsAhead(t *testing.T) {
	t.Parallel()
	c := &counting{Target: archivetest.Dir(t, t.TempDir())}
	l := openLog(t, c)
	const segments = 40
	for i := range uint64(segments) {
		if err := l.Append(t.Context(), events(2*i+1, 2), day); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []int{segments, 1, 7, segments} {
		n := 0
		for part, err := range l.Segments(t.Context(), l.Seals) {
			if err != nil || part.Seal != l.Seals[n] || len(part.Events) != 2 || part.Events[0].Seq != part.Seal.First {
				t.Fatalf("segment %d: %+v, %v", n, part, err)
			}
			if n++; n == end {
				break
			}
		}
		if n != end {
			t.Errorf("%d segments of %d", n, end)
		}
	}
	if most := c.most.Load(); most > 4 {
		t.Errorf("%d were read at a time", most)
	}
	if again := openLog(t, c); len(again.Seals) != segments || again.Damage != nil {
		t.Errorf("%d seals, %v", len(again.Seals), again.Damage)
	}
}

// TestSegmentsEnd: each has its own error, and a reader that gives up hears its
// context's.
func TestSegmentsEnd(t *testing.T) {
	t.Parallel()
	l := openLog(t, archivetest.Dir(t, t.TempDir()))
	for i := range uint64(3) {
		if err := l.Append(t.Context(), []eventstore.Stored{events(i+1, 1)[0]}, day); err != nil {
			t.Fatal(err)
		}
	}
	gone := l.Seals[1]
	gone.SHA256 = fmt.Sprintf("%064d", 0)
	var got []bool
	for part, err := range l.Segments(t.Context(), []archive.Seal{l.Seals[0], gone, l.Seals[2]}) {
		var damage *archive.DamageError
		if err != nil && (!errors.As(err, &damage) || damage.Seq != part.Seal.First) {
			t.Error(err)
		}
		got = append(got, err == nil)
	}
	if fmt.Sprint(got) != "[true false true]" {
		t.Errorf("intact: %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range l.Segments(ctx, l.Seals) {
		if !errors.Is(err, context.Canceled) || errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
}
