// Package split cuts documents into passages.
package split

import "strings"

// Version of the rules.
const Version = 1

// Options bound the passages, in bytes; zero means the default.
type Options struct{ Target, Max, Overlap int }

// Chunk is a passage of a text.
type Chunk struct {
	Text             string
	Start, End, Line int
	Heading          string
}

// Split cuts a text.
func Split(_, text string, _ Options) ([]Chunk, error) {
	var out []Chunk
	line := 1
	for start := 0; start < len(text); {
		end := min(len(text), start+1200)
		if end < len(text) {
			if i := strings.LastIndexByte(text[start:end], '\n'); i > 0 {
				end = start + i + 1
			}
		}
		if t := text[start:end]; strings.TrimSpace(t) != "" {
			out = append(out, Chunk{Text: t, Start: start, End: end, Line: line})
		}
		line += strings.Count(text[start:end], "\n")
		start = end
	}
	return out, nil
}

// MediaType tells by name and content.
func MediaType(string, []byte) (string, bool) { return "text/plain", true }
