package api

import (
	"fmt"
	"io"

	"github.com/hivemesh/hivemesh/domain"
)

// maxDepth is how deep lists and objects of a body may stand in each other.
// Deeper ones cost whoever reads them more than whoever writes them.
const maxDepth = 64

// nesting follows JSON as it comes and finds where it is too deep. Of what is
// no JSON it says anything: the parser refuses that.
type nesting struct {
	depth         int
	text, escaped bool // within a string; after a backslash there
	deep          bool // it was too deep
}

// scan takes in the next bytes, and returns how many of them may be read: all,
// or those up to the bracket that is one too many.
func (n *nesting) scan(p []byte) int {
	for i, b := range p {
		switch {
		case n.escaped:
			n.escaped = false
		case n.text:
			n.escaped, n.text = b == '\\', b != '"'
		case b == '"':
			n.text = true
		case b == '{' || b == '[':
			if n.depth++; n.depth > maxDepth {
				n.deep = true
				return i + 1
			}
		case b == '}' || b == ']':
			n.depth--
		}
	}
	return len(p)
}

// shallowBody is a body that ends where it is too deep.
type shallowBody struct {
	io.Reader
	nesting
}

// Read reads on while the body is not too deep.
func (s *shallowBody) Read(p []byte) (int, error) {
	if s.deep {
		return 0, io.EOF
	}
	n, err := s.Reader.Read(p)
	return s.scan(p[:n]), err
}

// Close leaves the body to the server, which closes it.
func (s *shallowBody) Close() error { return nil }

// checkDepth fails with kind Invalid and code "too_deep" when a body is.
func checkDepth(body []byte) error {
	var n nesting
	if n.scan(body); n.deep {
		return errDeep()
	}
	return nil
}

func errDeep() *domain.Error {
	return &domain.Error{Kind: domain.Invalid, Code: "too_deep", Field: "body", Message: fmt.Sprintf("lists and objects stand in each other more than %d deep", maxDepth)}
}
