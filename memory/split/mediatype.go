package split

import (
	"bytes"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// sniffed is how much of a file is looked at to tell text from other data.
const sniffed = 8 << 10

// MediaType tells what a file is by its name and what it begins with; false
// for what is no text: bytes that are not UTF-8, or zero bytes. The last
// character of head may be incomplete.
func MediaType(name string, head []byte) (string, bool) {
	head = whole(head[:min(len(head), sniffed)])
	if bytes.IndexByte(head, 0) >= 0 || !utf8.Valid(head) {
		return "", false
	}
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".md", ".markdown", ".mdown":
		return "text/markdown", true
	case ".go":
		return "text/x-go", true
	case ".py", ".js", ".ts", ".tsx", ".jsx", ".java", ".c", ".h", ".cc", ".cpp", ".hpp", ".rs", ".rb", ".php", ".sh", ".sql", ".pl", ".lua", ".swift", ".kt", ".scala", ".cs", ".s":
		return "text/x-" + ext[1:], true
	case ".html", ".htm":
		return "text/html", true
	}
	return "text/plain", true
}

// whole takes an incomplete character off the end.
func whole(head []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(head); i++ {
		if b := head[len(head)-i]; utf8.RuneStart(b) {
			if !utf8.FullRune(head[len(head)-i:]) {
				return head[:len(head)-i]
			}
			break
		}
	}
	return head
}
