package split

import "strings"

// paragraphs are what blank lines divide.
func paragraphs(text string) []unit {
	var out []unit
	begin := 0
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		if strings.TrimSpace(text[at:next]) == "" {
			out = append(out, unit{begin, at, ""})
			begin = next
		}
		at = next
	}
	return append(out, unit{begin, len(text), ""})
}
