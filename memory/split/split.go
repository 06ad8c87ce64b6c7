// Package split cuts texts into passages for memory: by their structure where
// they have one, then by size. A passage is a range of bytes of the text, so
// that whoever finds it can be led to its place.
//
//	Markdown    by headings; blocks stay whole where they fit
//	Go          by declarations, each with its comment (go/parser)
//	other code  by top-level blocks: lines that begin without indentation
//	other text  by paragraphs, then by sentences
//
// Neighbours under one heading are joined up to Options.Target. What is longer
// than Options.Max is cut at lines, else at sentences, else at words, and the
// parts overlap. The same text gives the same passages.
package split

import (
	"strings"
	"unicode/utf8"

	"github.com/hivemesh/hivemesh/domain"
)

// Version of the rules: a document that was split by others is imported again.
const Version = 1

// Options bound the passages, in bytes. Zero means the default.
type Options struct {
	Target  int // neighbours are joined up to it; default 1,200
	Max     int // no passage is longer; default 2,400
	Overlap int // that parts of one long block share at most; default 150
}

func (o Options) withDefaults() Options {
	if o.Target <= 0 {
		o.Target = 1_200
	}
	if o.Max <= 0 {
		o.Max = max(2*o.Target, 2_400)
	}
	if o.Overlap <= 0 {
		o.Overlap = 150
	}
	o.Max = max(o.Max, 4*utf8.UTFMax)
	o.Target, o.Overlap = min(o.Target, o.Max), min(o.Overlap, o.Max/4)
	return o
}

// Chunk is a passage: Text is the text's bytes Start to End.
type Chunk struct {
	Text       string
	Start, End int
	Line       int    // of Start, from 1
	Heading    string // path of headings, or the declaration's name
}

// unit is a block of a text that is kept whole if it fits.
type unit struct {
	start, end int
	heading    string
}

// Split cuts a text. It fails with kind Invalid on the field "text" when that
// is not valid UTF-8 or holds a zero byte; a text without anything but space
// has no passages.
func Split(mediaType, text string, o Options) ([]Chunk, error) {
	switch {
	case !utf8.ValidString(text):
		return nil, domain.InvalidField("text", "is not valid UTF-8")
	case strings.ContainsRune(text, 0):
		return nil, domain.InvalidField("text", "holds a zero byte")
	}
	o = o.withDefaults()
	var units []unit
	switch {
	case mediaType == "text/markdown":
		units = markdown(text)
	case mediaType == "text/x-go":
		units = goCode(text)
	case strings.HasPrefix(mediaType, "text/x-"):
		units = code(text)
	default:
		units = paragraphs(text, 0, len(text), "")
	}
	return number(text, pack(text, units, o)), nil
}

// pack joins neighbours that are short, and cuts what is long.
func pack(text string, units []unit, o Options) []unit {
	var out []unit
	for _, u := range units {
		u = trim(text, u)
		if u.start == u.end {
			continue
		}
		if n := len(out); n > 0 && out[n-1].heading == u.heading && u.end-out[n-1].start <= o.Target {
			out[n-1].end = u.end
			continue
		}
		if u.end-u.start > o.Max {
			out = append(out, cut(text, u, o)...)
			continue
		}
		out = append(out, u)
	}
	return out
}

// trim takes blank lines off the ends, and space off the end.
func trim(text string, u unit) unit {
	s := text[u.start:u.end]
	for {
		line, rest, ok := strings.Cut(s, "\n")
		if !ok || strings.TrimSpace(line) != "" {
			break
		}
		u.start += len(line) + 1
		s = rest
	}
	u.end = u.start + len(strings.TrimRight(s, " \t\r\n\v\f\u0085\u00a0"))
	if strings.TrimSpace(text[u.start:u.end]) == "" {
		u.end = u.start
	}
	return u
}

// cut makes parts of at most o.Max bytes that overlap.
func cut(text string, u unit, o Options) []unit {
	var out []unit
	for start := u.start; start < u.end; {
		end := u.end
		if end-start > o.Max {
			end = boundary(text, start, start+o.Max)
		}
		if part := trim(text, unit{start, end, u.heading}); part.start < part.end {
			out = append(out, part)
		}
		if end == u.end {
			break
		}
		start = backUp(text, start, end, o.Overlap)
	}
	return out
}

// boundary returns where to end a part that begins at start, at limit at the
// latest: after a line, else a sentence, else a word, else a character. The
// first half of the part is not looked at.
func boundary(text string, start, limit int) int {
	half := start + (limit-start)/2
	tail := text[half:limit]
	for _, mark := range []string{"\n\n", "\n", ". ", "; ", " "} {
		if i := strings.LastIndex(tail, mark); i >= 0 {
			return half + i + len(mark)
		}
	}
	for !utf8.RuneStart(text[limit]) {
		limit--
	}
	return limit
}

// backUp returns where the next part begins: up to overlap bytes before end, at
// the beginning of a line or else of a word, and always after start.
func backUp(text string, start, end, overlap int) int {
	from := max(start+1, end-overlap)
	for _, mark := range []string{"\n", " "} {
		if i := strings.Index(text[from:end], mark); i >= 0 && from+i+1 < end {
			return from + i + 1
		}
	}
	return end
}

// number fills in the texts and lines.
func number(text string, units []unit) []Chunk {
	out := make([]Chunk, len(units))
	line, at := 1, 0
	for i, u := range units {
		if u.start >= at {
			line += strings.Count(text[at:u.start], "\n")
		} else { // an overlap
			line -= strings.Count(text[u.start:at], "\n")
		}
		at = u.start
		out[i] = Chunk{Text: text[u.start:u.end], Start: u.start, End: u.end, Line: line, Heading: u.heading}
	}
	return out
}
