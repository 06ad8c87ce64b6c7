package projections

import (
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// term is one condition of a filter: field op value[,value…].
type term struct {
	field  string
	op     string // ":", "=", "!=", ">", ">=", "<" or "<="; ":" and "=" mean the same
	values []string
	at     int // byte offset in the filter, for messages
}

// parseFilter splits a filter into its terms, all of which must hold:
//
//	filter = { term }               separated by spaces
//	term   = field op value { "," value }
//	field  = letters, digits, "_"; or "label." and a label's key
//	op     = ":" | "=" | "!=" | ">" | ">=" | "<" | "<="
//	value  = characters without space, comma and quote; or "…" with \" and \\
//
// Several values mean any of them, and after != none of them.
func parseFilter(s string) ([]term, error) {
	p := &parser{in: s}
	var terms []term
	for {
		p.spaces()
		if p.pos == len(p.in) {
			return terms, nil
		}
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
}

type parser struct {
	in  string
	pos int
}

func (p *parser) fail(at int, format string, args ...any) error {
	return domain.InvalidField("filter", "at position %d: "+format, append([]any{at + 1}, args...)...)
}

func (p *parser) spaces() {
	for p.pos < len(p.in) && p.in[p.pos] == ' ' {
		p.pos++
	}
}

func (p *parser) term() (term, error) {
	t := term{at: p.pos}
	t.field = p.field()
	if t.field == "" {
		return t, p.fail(t.at, "a field name is expected")
	}
	for _, op := range []string{"!=", ">=", "<=", ":", "=", ">", "<"} {
		if strings.HasPrefix(p.in[p.pos:], op) {
			t.op = op
			p.pos += len(op)
			break
		}
	}
	if t.op == "" {
		return t, p.fail(p.pos, "one of : = != > >= < <= is expected after %q", t.field)
	}
	for {
		v, err := p.value()
		if err != nil {
			return t, err
		}
		t.values = append(t.values, v)
		if p.pos == len(p.in) || p.in[p.pos] == ' ' {
			return t, nil
		}
		if p.in[p.pos] != ',' {
			return t, p.fail(p.pos, "a space is expected between two conditions")
		}
		p.pos++
	}
}

// field reads a field's name. A label's key may hold what a name may, but a
// colon, which is an operator.
func (p *parser) field() string {
	start := p.pos
	for p.pos < len(p.in) {
		c := p.in[p.pos]
		word := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-' || c == '/'
		if !word {
			break
		}
		p.pos++
	}
	return p.in[start:p.pos]
}

func (p *parser) value() (string, error) {
	start := p.pos
	if p.pos < len(p.in) && p.in[p.pos] == '"' {
		return p.quoted()
	}
	for p.pos < len(p.in) && !strings.ContainsRune(" ,\"", rune(p.in[p.pos])) {
		p.pos++
	}
	if p.pos == start {
		return "", p.fail(start, `a value is expected; the empty one is ""`)
	}
	return p.in[start:p.pos], nil
}

func (p *parser) quoted() (string, error) {
	start := p.pos
	var out strings.Builder
	for p.pos++; p.pos < len(p.in); p.pos++ {
		switch c := p.in[p.pos]; {
		case c == '"':
			p.pos++
			return out.String(), nil
		case c == '\\' && p.pos+1 < len(p.in):
			p.pos++
			out.WriteByte(p.in[p.pos])
		default:
			out.WriteByte(c)
		}
	}
	return "", p.fail(start, "the quote is not closed")
}
