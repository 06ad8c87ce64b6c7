package ngram

// The weights of what a text is made of, beside 1 for a word of content.
const (
	grammarWeight = 0.05 // function words: enough for a text of nothing else
	codeWeight    = 0.7  // the commonest words of code
	digitWeight   = 0.4
	letterWeight  = 0.7 // single letters: names of variables
	pieceWeight   = 2.0 // all pieces of a word together, to the word itself
	pairWeight    = 0.25
)

// weight says how much a word tells about a text, from the word alone: there
// is no corpus to count in.
func weight(w []byte) float32 {
	switch {
	case isGrammar(w):
		return grammarWeight
	case isCode(w):
		return codeWeight
	case w[0] <= '9':
		return digitWeight
	case len(w) == 1:
		return letterWeight
	}
	return 1
}

func isGrammar(w []byte) bool {
	switch string(w) {
	case "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because", "been", "before", "but", "by",
		"can", "could", "did", "do", "does", "each", "for", "from", "had", "has", "have", "he", "her", "his", "how", "i", "if", "in", "into",
		"is", "it", "its", "just", "may", "me", "more", "most", "must", "my", "no", "nor", "not", "of", "on", "one", "only", "or", "other",
		"our", "out", "over", "own", "same", "she", "should", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there",
		"these", "they", "this", "those", "to", "too", "under", "up", "us", "use", "used", "uses", "using", "very", "was", "we", "were",
		"what", "when", "where", "whether", "which", "while", "who", "why", "will", "with", "would", "you", "your":
		return true
	}
	return false
}

func isCode(w []byte) bool {
	switch string(w) {
	case "bool", "break", "byte", "bytes", "case", "class", "const", "continue", "def", "default", "defer", "elif", "else", "err", "error",
		"false", "fmt", "fn", "func", "function", "go", "import", "int", "interface", "len", "let", "nil", "null", "package", "panic",
		"public", "private", "range", "return", "returns", "self", "static", "string", "struct", "switch", "true", "type", "uint", "var", "void":
		return true
	}
	return false
}
