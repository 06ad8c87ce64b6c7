package limit_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/auth/limit"
)

type denial struct{ principal, action string }

// Given a denial that was told, when it is repeated within a minute, then the
// repeats are told once, as a number, when the minute is over.
func TestRepeatsAreToldOnce(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := limit.NewCollapse[denial](0, 0)
	alice := denial{"alice", "task.cancel"}
	if told, tell := d.Add(alice, c.now()); !tell || told != alice {
		t.Fatal("the first is not told at once")
	}
	if _, tell := d.Add(denial{"alice", "task.submit"}, c.now()); !tell {
		t.Error("another action is not told")
	}
	c.pass(time.Second)
	first := c.now()
	for range 1000 {
		if _, tell := d.Add(alice, c.now()); tell {
			t.Fatal("a repeat is told")
		}
		c.pass(time.Millisecond)
	}
	if due := d.Due(c.now()); len(due) != 0 {
		t.Errorf("told before the minute is over: %+v", due)
	}
	c.pass(58 * time.Second)
	want := []limit.Summary[denial]{{Key: alice, Count: 1000, First: first, Last: first.Add(999 * time.Millisecond)}}
	if diff := gocmp.Diff(want, d.Due(c.now()), gocmp.AllowUnexported(denial{})); diff != "" {
		t.Error(diff)
	}
	if due := d.Due(c.now()); len(due) != 0 {
		t.Errorf("told twice: %+v", due)
	}
	if _, tell := d.Add(alice, c.now()); !tell {
		t.Error("the first of the next minute is not told")
	}
}

func TestWindowsWithoutRepeats(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := limit.NewCollapse[string](time.Minute, 0)
	for i := range 3 {
		if _, tell := d.Add("a", c.now()); !tell {
			t.Errorf("not told in minute %d", i)
		}
		c.pass(time.Minute)
	}
	d.Add("a", c.now())
	d.Add("a", c.now())
	c.pass(2 * time.Minute)
	if _, tell := d.Add("a", c.now()); tell {
		t.Error("what waits to be told is overtaken")
	}
	if due := d.Flush(); len(due) != 1 || due[0].Count != 2 {
		t.Errorf("%+v", due)
	}
	if due := d.Flush(); len(due) != 0 {
		t.Errorf("flushed twice: %+v", due)
	}
}

// However many keys there are, memory and what is told in a minute are bounded.
func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := limit.NewCollapse[string](time.Minute, 10)
	told := map[string]int{}
	for i := range 1000 {
		if key, tell := d.Add(fmt.Sprint(i), c.now()); tell {
			told[key]++
		}
	}
	if len(told) != 11 || told[""] != 1 {
		t.Errorf("told %v", told)
	}
	if due := d.Flush(); len(due) != 1 || due[0].Key != "" || due[0].Count != 989 {
		t.Errorf("%+v", due)
	}
}

// Every denial is told exactly once: by itself or within a number.
func TestNothingIsLostOrToldTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		d := limit.NewCollapse[int](time.Minute, rapid.IntRange(1, 5).Draw(t, "most"))
		added, told := 0, 0
		sum := func(all []limit.Summary[int]) {
			slices.SortFunc(all, func(a, b limit.Summary[int]) int { return cmp.Compare(a.Key, b.Key) })
			for _, s := range all {
				told += s.Count
				if s.Count < 1 || s.Last.Before(s.First) {
					t.Fatalf("%+v", s)
				}
			}
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			c.pass(time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds")) * time.Second)
			if rapid.IntRange(0, 4).Draw(t, "what") == 0 {
				sum(d.Due(c.now()))
				continue
			}
			added++
			if _, tell := d.Add(rapid.IntRange(1, 8).Draw(t, "key"), c.now()); tell {
				told++
			}
		}
		sum(d.Flush())
		if told != added {
			t.Fatalf("%d of %d denials were told", told, added)
		}
	})
}
