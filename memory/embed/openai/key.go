package openai

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Key is an API key that does not show itself: printed, logged or encoded, it
// is "[secret]".
type Key struct{ value string }

const hidden = "[secret]"

// maxKey is the most bytes of a key file; a longer one is some other file.
const maxKey = 16 << 10

// NewKey returns the key that is written in s, without the white space
// around it. A key with white space or control characters inside is an error,
// which does not repeat it.
func NewKey(s string) (Key, error) {
	s = strings.TrimSpace(s)
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return Key{}, fmt.Errorf("key of the endpoint: has a character that no key has")
		}
	}
	return Key{s}, nil
}

// ReadKey returns the key in the file at path. It returns an error when the
// file cannot be read, is empty, or holds something else than a key.
func ReadKey(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("key of the endpoint: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return Key{}, fmt.Errorf("key of the endpoint: %w", err)
	}
	k, err := NewKey(string(b))
	if err != nil || k.value == "" || len(b) > maxKey {
		return Key{}, fmt.Errorf("key of the endpoint: %s holds no key", path)
	}
	return k, nil
}

// Format prints "[secret]" for every verb.
func (Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }

// MarshalText returns "[secret]".
func (Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }
