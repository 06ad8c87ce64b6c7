package ngram

import (
	"unicode"
	"unicode/utf8"
)

// eachWord calls f with every word of text in order, in lower case. A word is
// a run of letters or of digits; identifiers are split where case, digits or
// punctuation say so, so HTTPServer_name2 is http, server, name, 2. In scripts
// written without spaces every rune is a word. The slice is f's only until it
// returns; buf is where words are built.
func eachWord(text string, buf []byte, f func(word []byte)) []byte {
	word := buf[:0]
	end := func() {
		if len(word) > 0 {
			f(word)
			word = word[:0]
		}
	}
	var last class
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		i += size
		c := classOf(r)
		switch {
		case c == other:
			end()
		case c == mark: // belongs to the word it stands in
		case c == lone, c != last && (last != upper || c != lower):
			end()
		case c == upper && followedByLower(text[i:]): // the S of HTTPServer
			end()
		}
		if c != other {
			word = utf8.AppendRune(word, unicode.ToLower(r))
		}
		if c != mark {
			last = c
		}
	}
	end()
	return word[:0]
}

// class is what kind of letter a rune is, as far as words go.
type class uint8

const (
	other class = iota // between words
	lower
	upper
	digit
	lone // a word by itself
	mark // an accent of the letter before it
)

func classOf(r rune) class {
	switch {
	case 'a' <= r && r <= 'z':
		return lower
	case 'A' <= r && r <= 'Z':
		return upper
	case '0' <= r && r <= '9':
		return digit
	case r < utf8.RuneSelf:
		return other
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer):
		return lone
	case unicode.IsUpper(r), unicode.IsTitle(r):
		return upper
	case unicode.IsLetter(r):
		return lower
	case unicode.IsDigit(r):
		return digit
	case unicode.IsMark(r):
		return mark
	}
	return other
}

func followedByLower(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return classOf(r) == lower
}
