package ngram

import "bytes"

// stem cuts the commonest English endings, so that "encodes", "encoded",
// "encoding" and "encoder" are one word. It is lighter than Porter's stemmer:
// no table of exceptions, and nothing is cut that leaves fewer than three
// letters.
func stem(w []byte) []byte {
	if len(w) < 4 || w[0] >= 0x80 {
		return w
	}
	w = singular(w)
	for _, suffix := range [...]string{"ization", "ation", "ment", "ness", "ingly", "ing", "edly", "ed", "er", "or", "ion", "able", "ible", "ly", "al"} {
		if len(w)-len(suffix) >= 3 && bytes.HasSuffix(w, []byte(suffix)) {
			w = undouble(w[:len(w)-len(suffix)])
			break
		}
	}
	if n := len(w); n > 3 && (w[n-1] == 'e' || w[n-1] == 'y' || w[n-1] == 'i') {
		w = w[:n-1]
	}
	return w
}

func singular(w []byte) []byte {
	n := len(w)
	switch {
	case bytes.HasSuffix(w, []byte("ies")) && n > 4:
		return w[:n-2] // entries → entri, as entry loses its y
	case bytes.HasSuffix(w, []byte("sses")), bytes.HasSuffix(w, []byte("xes")), bytes.HasSuffix(w, []byte("ches")), bytes.HasSuffix(w, []byte("shes")):
		return w[:n-2]
	case w[n-1] == 's' && w[n-2] != 's' && w[n-2] != 'u' && w[n-2] != 'i':
		return w[:n-1]
	}
	return w
}

// undouble turns runn, from running, into run; ll, ss and zz stay.
func undouble(w []byte) []byte {
	n := len(w)
	if n > 3 && w[n-1] == w[n-2] && w[n-1] != 'l' && w[n-1] != 's' && w[n-1] != 'z' {
		return w[:n-1]
	}
	return w
}
