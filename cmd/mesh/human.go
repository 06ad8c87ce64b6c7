package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// shortIDs returns for each id the prefix to show: at least 8 characters, and
// enough that no two ids of the list look the same.
func shortIDs(ids []string) map[string]string {
	sorted := slices.Compact(slices.Sorted(slices.Values(ids)))
	short := make(map[string]string, len(sorted))
	for i, id := range sorted {
		n := 8
		if i > 0 {
			n = max(n, commonPrefix(sorted[i-1], id)+1)
		}
		if i+1 < len(sorted) {
			n = max(n, commonPrefix(id, sorted[i+1])+1)
		}
		short[id] = strings.TrimRight(id[:min(n, len(id))], "-")
	}
	return short
}

// shortID returns the prefix of a single id to show.
func shortID(id string) string { return id[:min(8, len(id))] }

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// ago says how long before now t was: "12s ago"; a later t is "in 12s".
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	if d := t.Sub(now); d > time.Second {
		return "in " + span(d)
	}
	return span(now.Sub(t)) + " ago"
}

// span returns a duration with at most two units, the way people say it.
func span(d time.Duration) string {
	switch {
	case d <= 0:
		return "0s"
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// bytesText returns a size with a binary unit.
func bytesText(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/1024, 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return fmt.Sprintf("%.1f %ciB", v, units[i])
}

// stamp returns a moment in full, "" for none.
func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05.000 MST")
}

// labelsText returns labels as k=v, sorted.
func labelsText(labels map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, " ")
}

// oneLine returns text that came from elsewhere as a single line of at most
// limit characters without control characters, so that it can neither break a
// table nor steer the terminal.
func oneLine(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return '·'
		}
		return r
	}, strings.TrimSpace(s))
	if runes := []rune(s); limit > 0 && len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}
