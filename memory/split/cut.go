package split

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cut makes parts of at most o.Max bytes that overlap.
func cut(text string, u unit, o Options) []unit {
	var out []unit
	covered := u.start
	for start := u.start; start < u.end; {
		end := u.end
		if end-start > o.Max {
			end = boundary(text, start, start+o.Max)
		}
		// A part of which only the overlap is no space would say nothing new.
		if part := trim(text, unit{start, end, u.heading}); part.start < part.end && part.end > covered {
			out, covered = append(out, part), part.end
		}
		if end == u.end {
			break
		}
		start = backUp(text, start, end, o.Overlap)
	}
	return out
}

// boundary returns where to end a part that begins at start, at limit at the
// latest: after a blank line, else a line, a sentence, a word, a character. The
// first half of the part is not looked at.
func boundary(text string, start, limit int) int {
	half := start + (limit-start)/2
	tail := text[half:limit]
	for _, mark := range []string{"\n\n", "\n\r\n", "\n"} {
		if i := strings.LastIndex(tail, mark); i >= 0 {
			return half + i + len(mark)
		}
	}
	for limit > start+1 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	for half < limit && !utf8.RuneStart(text[half]) {
		half++
	}
	for _, ends := range []func(string, int) int{sentenceEnd, wordEnd} {
		for at := limit; at > half; {
			_, n := utf8.DecodeLastRuneInString(text[half:at])
			at -= n
			if i := ends(text[:limit], at); i > at {
				return i
			}
		}
	}
	return limit
}

// backUp returns where the next part begins: at most overlap bytes before end,
// at the beginning of a line or sentence, and always after start. Where neither
// begins there, the parts do not overlap.
func backUp(text string, start, end, overlap int) int {
	from := max(start+1, end-overlap)
	if i := strings.IndexByte(text[from:end], '\n'); i >= 0 && from+i+1 < end {
		return from + i + 1
	}
	for at := from; at < end; {
		if i := sentenceEnd(text[:end], at); i > at && i < end {
			return i
		}
		_, n := utf8.DecodeRuneInString(text[at:])
		at += n
	}
	return end
}

// sentenceEnd returns where the next sentence may begin if the character at
// ends one, else at: after a full stop and a space, or a full stop that needs
// no space (Chinese, Japanese).
func sentenceEnd(text string, at int) int {
	r, n := utf8.DecodeRuneInString(text[at:])
	switch r {
	case '。', '！', '？', '；':
		return at + n
	case '.', '!', '?', ';':
		if next := wordEnd(text, at+n); next > at+n {
			return next
		}
	}
	return at
}

// wordEnd returns the end of the space at at, or at if there is none.
func wordEnd(text string, at int) int {
	r, n := utf8.DecodeRuneInString(text[at:])
	if unicode.IsSpace(r) {
		return at + n
	}
	return at
}
