package password

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// commonText holds well-known passwords and the words they are made of, in
// lower case, one a line.
//
//go:embed common.txt
var commonText string

// maxDecoration is how many digits and signs around a common word leave it
// guessable: a year, a date, an exclamation mark. More is a choice of its own.
const maxDecoration = 8

// maxUnit is the length in characters up to which a unit that comes three times
// makes no password, whatever it is.
const maxUnit = 4

func commonWords() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(commonText) {
		words[w] = true
	}
	return words
}

// guessable reports whether password is a common one, or is made from one by
// the first steps that guessing programs take: other case, letters replaced by
// digits and signs, decoration before and after, repetition, and runs along
// the alphabet or the keyboard.
func guessable(password string, common map[string]bool) bool {
	lower := strings.ToLower(password)
	if run(lower) {
		return true
	}
	bare := letters(lower)
	if utf8.RuneCountInString(lower)-utf8.RuneCountInString(bare) > maxDecoration {
		bare = lower
	}
	for _, text := range []string{lower, bare} {
		for _, plain := range []string{text, unleet(text, "i"), unleet(text, "l")} {
			unit := unit(plain)
			n := utf8.RuneCountInString(unit)
			short := n <= maxUnit && 3*n <= utf8.RuneCountInString(plain)
			if short || common[plain] || common[letters(unit)] {
				return true
			}
		}
	}
	return false
}

// letters returns text without what is no letter at its ends.
func letters(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
}

// unit returns the shortest text whose repetition is text; the last one may be
// cut short.
func unit(text string) string {
	r := []rune(text)
	for n := 1; n <= (len(r)+1)/2; n++ {
		if slices.Equal(r[n:], r[:len(r)-n]) {
			return string(r[:n])
		}
	}
	return text
}

// unleet undoes the usual replacements of letters; one stands for 1 and !.
func unleet(text, one string) string {
	return strings.NewReplacer("0", "o", "1", one, "!", one, "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t").Replace(text)
}

// run reports whether at least three quarters of the steps from one character
// to the next go along the alphabet, the digits or a row of keys, or stay
// where they are.
func run(text string) bool {
	r, steps := []rune(text), 0
	for i := 1; i < len(r); i++ {
		if d := r[i] - r[i-1]; d >= -1 && d <= 1 || beside(r[i-1], r[i]) {
			steps++
		}
	}
	return 4*steps >= 3*(len(r)-1)
}

// beside reports whether a and b are neighbours in a row of keys.
func beside(a, b rune) bool {
	for _, row := range []string{"qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "qsdfghjklm", "zxcvbnm", "yxcvbnm", "1234567890", "0123456789"} {
		if strings.Contains(row, string([]rune{a, b})) || strings.Contains(row, string([]rune{b, a})) {
			return true
		}
	}
	return false
}
