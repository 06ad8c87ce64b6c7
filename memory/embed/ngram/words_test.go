package ngram

import (
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"HTTPServer_name2 parseURL": "http server name 2 parse url",
		"io.Reader; v1.2":           "io reader v 1 2",
		"don't":                     "don t",
		"ÜberGroß É":                "über groß é",
		"数据 ab":                     "数 据 ab",
		"cafe\u0301s":               "cafe\u0301s",
		"":                          "",
		"__":                        "",
		"a\xffb":                    "a b",
	} {
		var got []string
		eachWord(text, nil, func(w []byte) { got = append(got, string(w)) })
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestStemsOfRelativesAreOne(t *testing.T) {
	t.Parallel()
	for _, family := range []string{
		"encode encodes encoded encoding encoder", "run runs running runner", "entry entries", "box boxes", "match matches matching",
		"pass passes passed", "class classes", "policy policies", "call called calling", "commit commits committed",
	} {
		words := strings.Fields(family)
		want := string(stem([]byte(words[0])))
		for _, w := range words {
			if got := string(stem([]byte(w))); got != want {
				t.Errorf("%s: %q, but %s: %q", w, got, words[0], want)
			}
		}
	}
	for _, pair := range []string{"status state", "bus but", "string stream"} {
		a, b, _ := strings.Cut(pair, " ")
		if string(stem([]byte(a))) == string(stem([]byte(b))) {
			t.Errorf("%s and %s are one", a, b)
		}
	}
}
