package password

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hivemesh/hivemesh/domain"
)

// Breached reports whether a password is on a list of stolen ones.
type Breached func(ctx context.Context, password string) (bool, error)

// Policy says which passwords are good enough. Length is what counts; there are
// no rules of composition.
type Policy struct {
	Min, Max int // characters; default 12 and 128
	Breached Breached
}

// Check fails with kind Invalid, field "password", and what to do, for a
// password that is too short or long, holds the login, is one that everybody
// uses, or is known to be stolen. Characters are counted as they are; nothing
// is normalised or cut. A list of stolen passwords that does not answer does
// not keep anybody out.
func (p Policy) Check(ctx context.Context, login, password string) error {
	low, high := p.Min, p.Max
	if low == 0 {
		low = 12
	}
	if high == 0 {
		high = 128
	}
	n := utf8.RuneCountInString(password)
	lower := strings.ToLower(password)
	switch {
	case !utf8.ValidString(password):
		return refuse("is not valid UTF-8")
	case n < low:
		return refuse(fmt.Sprintf("has %d characters; take at least %d, such as four words", n, low))
	case n > high:
		return refuse(fmt.Sprintf("has %d characters; at most %d are taken", n, high))
	case len(login) > 2 && strings.Contains(lower, strings.ToLower(login)):
		return refuse("holds the login; take another")
	case common(lower):
		return refuse("is one that is guessed first; take another")
	}
	if p.Breached == nil {
		return nil
	}
	if stolen, err := p.Breached(ctx, password); err == nil && stolen {
		return refuse("is on a list of stolen passwords; take another")
	}
	return nil
}

// common reports whether a password is a pattern that everybody thinks of:
// one unit repeated, a run of the keyboard or alphabet, or one of a few words
// with digits and signs around it.
func common(lower string) bool {
	for size := 1; size <= len(lower)/3; size++ {
		if strings.Repeat(lower[:size], len(lower)/size+1)[:len(lower)] == lower {
			return true
		}
	}
	for _, run := range []string{"abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn", "98765432109876543210"} {
		if strings.Contains(run+run, lower) {
			return true
		}
	}
	bare := strings.Trim(lower, "0123456789!@#$%^&*()-_=+.,?<>/ ")
	switch strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "@", "a", "$", "s", "5", "s").Replace(bare) {
	case "", "password", "passwordpassword", "passphrase", "letmein", "welcome", "iloveyou", "admin", "administrator", "adminadmin", "superuser", "changeme",
		"qwerty", "qwertyuiop", "monkey", "dragon", "football", "baseball", "sunshine", "princess", "hivemesh", "hivemeshhivemesh", "secret", "topsecret", "default":
		return true
	}
	return false
}

func refuse(what string) error { return domain.InvalidField("password", "%s", what) }
