package bench

import (
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/memory/split"
)

// Tags by which a part of the passages is found: one in ten, and one in a
// thousand.
const (
	tagTenth      = "tenth"
	tagThousandth = "thousandth"
)

// passages cuts the sources of Go's standard library and commands into n items
// that all differ. When there are too few, they go on with the first half of
// one and the second half of another.
func passages(n int) ([]client.RememberRequest, error) {
	texts, err := goPassages(filepath.Join(build.Default.GOROOT, "src"), n)
	if err != nil {
		return nil, fmt.Errorf("read the sources of Go: %w", err)
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("read the sources of Go: there are none in %s", build.Default.GOROOT)
	}
	for found, i := len(texts), 0; len(texts) < n; i++ {
		a, b := texts[i%found], texts[(7*i+3+i/found)%found]
		texts = append(texts, fmt.Sprintf("%s\n%s\n// %d", a[:len(a)/2], b[len(b)/2:], i))
	}
	items := make([]client.RememberRequest, len(texts))
	for i, text := range texts {
		items[i] = client.RememberRequest{Text: strings.ToValidUTF8(text, ""), Kind: "episode", MediaType: "text/x-go"}
		if i%10 == 0 {
			items[i].Tags = append(items[i].Tags, tagTenth)
		}
		if i%1000 == 0 {
			items[i].Tags = append(items[i].Tags, tagThousandth)
		}
	}
	return items, nil
}

// goPassages returns up to n different passages of the Go files below root. A
// file that cannot be split, as some tests' data, is left out.
func goPassages(root string, n int) ([]string, error) {
	seen := map[string]bool{}
	var texts []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case len(texts) >= n:
			return fs.SkipAll
		case err != nil || d.IsDir() || !strings.HasSuffix(path, ".go"):
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		chunks, _ := split.Split("text/x-go", string(data), split.Options{})
		for _, c := range chunks {
			if !seen[c.Text] && len(texts) < n {
				seen[c.Text] = true
				texts = append(texts, c.Text)
			}
		}
		return nil
	})
	return texts, err
}
