package password

import (
	"context"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/hivemesh/hivemesh/domain"
)

const (
	defaultMin, leastMin = 12, 8    // characters; ASVS 5 V6.2.1 asks for 8 and recommends 15
	defaultMax, mostMax  = 128, 256 // characters; ASVS 5 V6.2.9 asks for 64 to be allowed
	leastMax             = 64
	shortestWord         = 4 // characters of a login that a password must not contain
)

// Breached reports whether a password is known from a breach. It fails when
// it has no answer; the error must not tell the password.
type Breached func(ctx context.Context, password string) (bool, error)

// PolicyConfig says what may become a password.
type PolicyConfig struct {
	Min        int                                  // characters, 8 or more; 0: 12
	Max        int                                  // characters, 64 to 256; 0: 128
	Product    string                               // a word that everyone would try; empty: none
	Breached   Breached                             // nil: not asked
	Strict     bool                                 // refuse while Breached has no answer, instead of letting through
	Unanswered func(ctx context.Context, err error) // told when Breached has no answer; nil: nobody
}

// Policy decides what may become a password. It is asked when one is set, and
// not when one is checked: those that were set before stay good.
type Policy struct {
	c      PolicyConfig
	common map[string]bool
}

// NewPolicy returns a Policy. It fails with kind Invalid when Min or Max are
// out of their bounds.
func NewPolicy(c PolicyConfig) (*Policy, error) {
	if c.Min == 0 {
		c.Min = defaultMin
	}
	if c.Max == 0 {
		c.Max = defaultMax
	}
	if !within(c.Min, leastMin, leastMax) {
		return nil, domain.InvalidField("min", "must be %d to %d characters", leastMin, leastMax)
	}
	if !within(c.Max, leastMax, mostMax) {
		return nil, domain.InvalidField("max", "must be %d to %d characters", leastMax, mostMax)
	}
	return &Policy{c: c, common: commonWords()}, nil
}

// Check returns nil when password may become the password of login, and else
// an error of kind Invalid on the field "password" that says what to do and
// never tells the password. A character is a Unicode code point, after
// normalisation to form C. It fails with kind Unavailable, code
// "breached_unanswered", when the list of breached passwords has no answer and
// the policy is strict, or ctx has ended.
func (p *Policy) Check(ctx context.Context, login, password string) error {
	if len(password) > maxBytes {
		return domain.InvalidField("password", "must have at most %d characters", p.c.Max)
	}
	if !utf8.ValidString(password) {
		return domain.InvalidField("password", "must be valid UTF-8 text")
	}
	password = norm.NFC.String(password)
	n := utf8.RuneCountInString(password)
	switch {
	case n < p.c.Min:
		return domain.InvalidField("password", "must have at least %d characters; a few words in a row do well", p.c.Min)
	case n > p.c.Max:
		return domain.InvalidField("password", "must have at most %d characters", p.c.Max)
	case contains(password, login):
		return domain.InvalidField("password", "must not contain the login; choose something that others would not try")
	case contains(password, p.c.Product):
		return domain.InvalidField("password", "must not contain %q; choose something that others would not try", p.c.Product)
	case guessable(password, p.common):
		return domain.InvalidField("password", "is among the first that are tried; choose a few unrelated words or let a password manager make one")
	}
	return p.askBreached(ctx, password)
}

func (p *Policy) askBreached(ctx context.Context, password string) error {
	if p.c.Breached == nil {
		return nil
	}
	found, err := p.c.Breached(ctx, password)
	if err == nil && found {
		return domain.InvalidField("password", "is known from a breach of another service; choose another one, and change it wherever else it is used")
	}
	if err == nil {
		return nil
	}
	if p.c.Unanswered != nil {
		p.c.Unanswered(ctx, err)
	}
	if !p.c.Strict && ctx.Err() == nil {
		return nil
	}
	return &domain.Error{Kind: domain.Unavailable, Code: "breached_unanswered", Message: "the list of breached passwords does not answer; try again later", Err: err}
}

// contains reports whether password is word, or holds it or its part before
// an @, whatever the case. Words of less than four characters count only when
// they are the whole password: they are in many good ones by chance.
func contains(password, word string) bool {
	password, word = strings.ToLower(password), strings.ToLower(norm.NFC.String(word))
	local, _, _ := strings.Cut(word, "@")
	for _, w := range []string{word, local} {
		if w == password || utf8.RuneCountInString(w) >= shortestWord && strings.Contains(password, w) {
			return true
		}
	}
	return false
}
