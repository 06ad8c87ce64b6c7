package archivetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/archive"
)

// Contract tests what archive.Target promises on an empty target.
func Contract(t *testing.T, target archive.Target) {
	t.Helper()
	t.Run("what is put is there", func(t *testing.T) { testPut(t, target) })
	t.Run("nothing is replaced", func(t *testing.T) { testExists(t, target) })
	t.Run("missing", func(t *testing.T) { testMissing(t, target) })
	t.Run("list", func(t *testing.T) { testList(t, target) })
	t.Run("names", func(t *testing.T) { testNames(t, target) })
	t.Run("cancelled", func(t *testing.T) { testCancelled(t, target) })
	t.Run("race", func(t *testing.T) { testRace(t, target) })
}

func testPut(t *testing.T, target archive.Target) {
	for name, data := range map[string][]byte{"put/small": []byte("abc"), "put/deep/er/ü +?&%.json": []byte("odd"), "put/large": bytes.Repeat([]byte("0123456789"), 2<<20)} {
		if err := target.Put(t.Context(), name, data); err != nil {
			t.Fatal(err)
		}
		got, err := target.Get(t.Context(), name, int64(len(data)))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(data), err)
		}
		if has, err := target.Has(t.Context(), name); err != nil || !has {
			t.Errorf("%s is not there: %v", name, err)
		}
		if _, err := target.Get(t.Context(), name, int64(len(data))-1); err == nil || errors.Is(err, archive.ErrUnavailable) {
			t.Errorf("%s is larger than the limit: %v", name, err)
		}
	}
}

func testExists(t *testing.T, target archive.Target) {
	if err := target.Put(t.Context(), "exists/one", []byte("first")); err != nil {
		t.Fatal(err)
	}
	for _, again := range []string{"first", "second"} {
		if err := target.Put(t.Context(), "exists/one", []byte(again)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("put again: %v", err)
		}
	}
	if got, err := target.Get(t.Context(), "exists/one", 10); err != nil || string(got) != "first" {
		t.Errorf("%s, %v", got, err)
	}
}

func testMissing(t *testing.T, target archive.Target) {
	if _, err := target.Get(t.Context(), "missing/one", 10); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, archive.ErrUnavailable) {
		t.Errorf("get: %v", err)
	}
	if has, err := target.Has(t.Context(), "missing/one"); err != nil || has {
		t.Errorf("has: %v, %v", has, err)
	}
	if names, err := target.List(t.Context(), "missing"); err != nil || len(names) > 0 {
		t.Errorf("list: %v, %v", names, err)
	}
}

// testList makes more files than a page of a listing has.
func testList(t *testing.T, target archive.Target) {
	var want []string
	var g errgroup.Group
	g.SetLimit(8)
	for i := range 1100 {
		name := fmt.Sprintf("%04d", i)
		want = append(want, name)
		g.Go(func() error { return target.Put(t.Context(), "list/"+name, []byte("x")) })
	}
	g.Go(func() error { return target.Put(t.Context(), "list/folder/within", []byte("x")) })
	g.Go(func() error { return target.Put(t.Context(), "listed", []byte("x")) })
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	want = append(want, "folder")
	if got, err := target.List(t.Context(), "list"); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d names of %d, %v", len(got), len(want), err)
	}
	if got, err := target.List(t.Context(), "list/folder"); err != nil || !slices.Equal(got, []string{"within"}) {
		t.Errorf("%v, %v", got, err)
	}
}

// testNames: nothing is named out of the target.
func testNames(t *testing.T, target archive.Target) {
	for _, name := range []string{"../out", "a/../../out", "/out", ""} {
		if err := target.Put(t.Context(), name, []byte("x")); err == nil {
			t.Errorf("%q was put", name)
		}
		if _, err := target.Get(t.Context(), name, 10); err == nil {
			t.Errorf("%q was read", name)
		}
	}
}

func testCancelled(t *testing.T, target archive.Target) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, getErr := target.Get(ctx, "exists/one", 10)
	_, hasErr := target.Has(ctx, "exists/one")
	_, listErr := target.List(ctx, "exists")
	for name, err := range map[string]error{"put": target.Put(ctx, "cancelled", []byte("x")), "get": getErr, "has": hasErr, "list": listErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// testRace: of many that put one name exactly one is told that it did, and it
// is its content that is there.
func testRace(t *testing.T, target archive.Target) {
	const writers = 16
	for round := range 5 {
		name := fmt.Sprintf("race/%d", round)
		errs := make([]error, writers)
		var g errgroup.Group
		for i := range errs {
			g.Go(func() error {
				errs[i] = target.Put(t.Context(), name, fmt.Append(nil, i))
				return nil
			})
		}
		_ = g.Wait() // the errors are in errs
		var won []string
		for i, err := range errs {
			if err == nil {
				won = append(won, fmt.Sprint(i))
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		}
		if got, err := target.Get(t.Context(), name, 10); err != nil || len(won) != 1 || string(got) != won[0] {
			t.Errorf("won: %v; there is %s, %v", won, got, err)
		}
	}
}
