package eventstore

import (
	"fmt"
	"testing"
)

func TestRecent(t *testing.T) {
	t.Parallel()
	r := newRecent(10)
	for i := range uint64(35) {
		r.put(fmt.Sprint(i), i+1)
		r.put(fmt.Sprint(i), i) // an older fact changes nothing
		if last, ok := r.get(fmt.Sprint(i)); !ok || last != i+1 {
			t.Fatalf("%d: %d, %t", i, last, ok)
		}
		if n := len(r.young) + len(r.old); n > 20 {
			t.Fatalf("%d subjects", n)
		}
	}
	if _, ok := r.get("0"); ok {
		t.Error("the oldest is still there")
	}
	r.put("29", 1) // it is in the old generation
	if last, _ := r.get("29"); last != 30 {
		t.Errorf("went back to %d", last)
	}
}

func TestCommandLog(t *testing.T) {
	t.Parallel()
	var l commandLog
	for i := range uint64(commandLogSize) {
		l.add(i + 1)
		l.add(i + 1) // a second event of the same command
	}
	before := l
	if !l.complete() || !l.has(1) || l.has(0) {
		t.Error("a full log")
	}
	l.add(1000)
	if l.complete() || l.has(1) || !l.has(1000) || !before.has(1) || before.has(1000) {
		t.Error("after one more")
	}
}
