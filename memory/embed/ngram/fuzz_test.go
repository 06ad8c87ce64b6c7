package ngram_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzVector(f *testing.F) {
	for _, text := range []string{"a", "?!", "\xff", "HTTPServer_name2", "连接 ́x", "İstanbul ẞ", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.TrimSpace(text) == "" {
			t.Skip()
		}
		v := vectors(t, text, text+" ")
		if length := cosine(v[0], v[0]); math.Abs(length-1) > 1e-5 {
			t.Errorf("length² %v", length)
		}
		if again := vectors(t, text)[0]; !cmp.Equal(v[0], again) {
			t.Error("another vector for the same text")
		}
	})
}
