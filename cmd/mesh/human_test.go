package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestShortIDs(t *testing.T) {
	t.Parallel()
	ids := []string{"0193aaaa-0000-7000-8000-000000000001", "0193aaaa-0000-7000-9000-000000000002", "ffffffff-1111-5000-8000-000000000003", "short"}
	want := map[string]string{
		ids[0]: "0193aaaa-0000-7000-8",
		ids[1]: "0193aaaa-0000-7000-9",
		ids[2]: "ffffffff",
		ids[3]: "short",
	}
	if diff := cmp.Diff(want, shortIDs(ids)); diff != "" {
		t.Error(diff)
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second:            "0s",
		250 * time.Microsecond:  "250µs",
		1500 * time.Microsecond: "1ms",
		2500 * time.Millisecond: "2.5s",
		59 * time.Second:        "59s",
		61 * time.Second:        "1m01s",
		25 * time.Hour:          "25h00m",
		49 * time.Hour:          "2d01h",
	} {
		if got := span(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for _, test := range []struct {
		t    time.Time
		want string
	}{{time.Time{}, "-"}, {now.Add(-12 * time.Second), "12s ago"}, {now.Add(90 * time.Second), "in 1m30s"}} {
		if got := ago(test.t, now); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestBytesText(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 8 << 20: "8.0 MiB", 3 << 40: "3.0 TiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestOneLineCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	if got, want := oneLine("a\n\x1b[31mred\x07\tb ", 0), "a ·[31mred· b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := oneLine("abcdef", 4); got != "abc…" {
		t.Errorf("got %q", got)
	}
}

func TestTableAlignsAndColours(t *testing.T) {
	t.Parallel()
	tab := &table{header: []string{"A", "LONG"}}
	tab.add(text("wide→"), cell{"x", red})
	tab.add(text("b"), text(""))
	for _, test := range []struct {
		coloured bool
		want     string
	}{
		{false, "A      LONG\nwide→  x\nb\n"},
		{true, "\x1b[2mA\x1b[0m      \x1b[2mLONG\x1b[0m\nwide→  \x1b[31mx\x1b[0m\nb\n"},
	} {
		var out strings.Builder
		if err := tab.write(&out, test.coloured); err != nil || out.String() != test.want {
			t.Errorf("coloured %t: got %q, %v; want %q", test.coloured, out.String(), err, test.want)
		}
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	var ds []time.Duration
	for i := 100; i >= 0; i-- {
		ds = append(ds, time.Duration(i)*time.Millisecond)
	}
	if diff := cmp.Diff(percentiles{50, 95, 99, 100}, percentilesOf(ds)); diff != "" {
		t.Error(diff)
	}
	if got := percentilesOf(nil); got != (percentiles{}) {
		t.Errorf("of nothing: %v", got)
	}
}
