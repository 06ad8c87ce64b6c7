package ngram

// weight says how much a word tells about a text, from the word alone: there
// is no corpus to count in. Function words and the commonest words of code
// tell little, and long words more than short ones.
func (p params) weight(w []byte) float32 {
	switch stopClass(w) {
	case grammar:
		return p.Grammar
	case code:
		return p.Code
	}
	if w[0] >= 0x80 {
		return 1
	}
	if w[0] <= '9' {
		return p.Digit
	}
	if len(w) < len(p.Length) {
		return p.Length[len(w)]
	}
	return p.Length[len(p.Length)-1]
}

type stops uint8

const (
	content stops = iota
	grammar
	code
)

func stopClass(w []byte) stops {
	switch string(w) {
	case "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because", "been", "before", "but", "by",
		"can", "could", "did", "do", "does", "each", "for", "from", "had", "has", "have", "he", "her", "his", "how", "i", "if", "in", "into",
		"is", "it", "its", "just", "may", "me", "more", "most", "must", "my", "no", "nor", "not", "of", "on", "one", "only", "or", "other",
		"our", "out", "over", "own", "same", "she", "should", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there",
		"these", "they", "this", "those", "to", "too", "under", "up", "us", "use", "used", "uses", "using", "very", "was", "we", "were",
		"what", "when", "where", "whether", "which", "while", "who", "why", "will", "with", "would", "you", "your":
		return grammar
	case "bool", "break", "byte", "bytes", "case", "class", "const", "continue", "def", "default", "defer", "elif", "else", "err", "error",
		"false", "fmt", "fn", "func", "function", "go", "import", "int", "interface", "len", "let", "nil", "null", "package", "panic",
		"public", "private", "range", "return", "returns", "self", "static", "string", "struct", "switch", "true", "type", "uint", "var", "void":
		return code
	}
	return content
}
