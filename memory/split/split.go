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
const Version = 2

// MinMax is the least Max: four characters of any kind, in bytes.
const MinMax = 4 * utf8.UTFMax

// bom may begin a file; it says nothing.
const bom = "\ufeff"

// Options bound the passages, in bytes. Zero means the default.
type Options struct {
	Target  int // neighbours are joined up to it; default 1,200
	Max     int // no passage is longer; default 2,400, at least MinMax
	Overlap int // that parts of one long block share at most, in whole lines or sentences; default 150
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
	o.Max = max(o.Max, MinMax)
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

// Split cuts a text by the rules of its media type, whose parameters do not
// count. It fails with kind Invalid on the field "text" when that is not valid
// UTF-8 or holds a zero byte; a text without anything but space has no
// passages. A byte order mark at the beginning is in no passage.
func Split(mediaType, text string, o Options) ([]Chunk, error) {
	switch {
	case !utf8.ValidString(text):
		return nil, domain.InvalidField("text", "is not valid UTF-8")
	case strings.ContainsRune(text, 0):
		return nil, domain.InvalidField("text", "holds a zero byte")
	}
	body := strings.TrimPrefix(text, bom)
	chunks := number(body, pack(body, byStructure(mediaType, body), o.withDefaults()))
	for i := range chunks {
		chunks[i].Start += len(text) - len(body)
		chunks[i].End += len(text) - len(body)
	}
	return chunks, nil
}

// byStructure returns the units of a text in order; together they are all of it.
func byStructure(mediaType, text string) []unit {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	switch mediaType = strings.ToLower(strings.TrimSpace(mediaType)); {
	case mediaType == "text/markdown":
		return markdown(text)
	case mediaType == "text/x-go":
		return goCode(text)
	case strings.HasPrefix(mediaType, "text/x-"):
		return code(text)
	}
	return paragraphs(text)
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

// number fills in the texts and lines. Each passage begins after the one before.
func number(text string, units []unit) []Chunk {
	out := make([]Chunk, len(units))
	line, at := 1, 0
	for i, u := range units {
		line += strings.Count(text[at:u.start], "\n")
		at = u.start
		out[i] = Chunk{Text: text[u.start:u.end], Start: u.start, End: u.end, Line: line, Heading: u.heading}
	}
	return out
}
