package split_test

import (
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/memory/split"
)

func FuzzMarkdown(f *testing.F) {
	fuzz(f, "text/markdown", "# a\n\nb", "A\n===\nb\n", "```\nx\n", "- ```\n  a\n\n  b\n  ```\n# c", "> - > a\n\n\n# b", "<!--\n# a\n")
}

func FuzzGo(f *testing.F) {
	fuzz(f, "text/x-go", "package p\n\n// F does.\nfunc F() {}\n", "func {{{\n", "package p\nvar (\n\ta = `\n\n`\n)\n", "package p\n//line x:1\nfunc (t *T[A]) M() {\n")
}

func FuzzCode(f *testing.F) {
	fuzz(f, "text/x-c", "int f(void)\n{\n\n\treturn 1;\n}\n\n/* g */\nint g(void);\n", "def f():\n    a\n\n    b\n")
}

func FuzzProse(f *testing.F) {
	fuzz(f, "text/plain", "a. b. c", "one\n\ntwo\r\n\r\nthree", strings.Repeat("ü", 3000), "one. two."+strings.Repeat(" ", 300)+"x", "今日は。明日は。")
}

func fuzz(f *testing.F, media string, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add(s, uint16(40))
		f.Add(s, uint16(41))
		f.Add(s, uint16(1_000))
	}
	f.Fuzz(func(t *testing.T, text string, most uint16) {
		o := split.Options{Max: max(int(most), split.MinMax), Target: max(1, int(most)/2), Overlap: max(1, int(most)/8)}
		got, err := split.Split(media, text, o)
		if err != nil {
			return
		}
		promises(t, text, got, o.Max)
	})
}
