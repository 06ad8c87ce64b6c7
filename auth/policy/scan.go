package policy

import (
	"github.com/hivemesh/hivemesh/domain"
)

// scanner finds what would cost the parser too much: it recurses for every
// bracket, and a test such as "resource has a.b.c" costs it the square of its
// length. Strings and comments are passed over.
type scanner struct {
	line, depth, dots int
	inString, escaped bool
	inComment, slash  bool
}

// scan refuses a text in which brackets or dotted names go deeper than
// MaxNesting.
func scan(text string) error {
	s := scanner{line: 1}
	for _, r := range text {
		s.next(r)
		if s.depth > MaxNesting {
			return domain.InvalidField("text", "line %d has more than %d brackets in brackets", s.line, MaxNesting)
		}
		if s.dots > MaxNesting {
			return domain.InvalidField("text", "line %d has more than %d names joined by dots", s.line, MaxNesting)
		}
	}
	return nil
}

func (s *scanner) next(r rune) {
	if r == '\n' {
		s.line++
	}
	switch {
	case s.inComment:
		s.inComment = r != '\n'
	case s.inString:
		s.inString = s.escaped || r != '"'
		s.escaped = r == '\\' && !s.escaped
	case r == '/' && s.slash:
		s.inComment, s.slash = true, false
	default:
		s.slash = r == '/'
		s.code(r)
	}
}

// code takes a character that is neither in a string nor in a comment.
func (s *scanner) code(r rune) {
	switch r {
	case '(', '[', '{':
		s.depth++
	case ')', ']', '}':
		s.depth--
	case '"':
		s.inString = true
	case '.':
		s.dots++
	case ';', '&', '|', '=', '<', '>', ',', '+', '-', '*', '!':
		s.dots = 0
	}
}
