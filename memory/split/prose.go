package split

import "strings"

// paragraphs are what blank lines divide.
func paragraphs(text string, start, end int, heading string) []unit {
	var out []unit
	begin := start
	for at := start; at < end; {
		next := end
		if i := strings.IndexByte(text[at:end], '\n'); i >= 0 {
			next = at + i + 1
		}
		if strings.TrimSpace(text[at:next]) == "" {
			out = append(out, unit{begin, at, heading})
			begin = next
		}
		at = next
	}
	return append(out, unit{begin, end, heading})
}
