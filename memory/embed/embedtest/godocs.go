package embedtest

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Half is one half of the packages: constants are chosen by looking at Tune
// only, and figures are reported on Report only.
type Half int

// The halves.
const (
	Tune Half = iota
	Report
)

// Set is labelled data: Texts[Answers[i]] is the one right answer to
// Queries[i].
type Set struct {
	Texts   []string
	Queries []string
	Answers []int
}

// maxText is the most bytes of a declaration that are kept, as many as the
// longest chunk of a document has.
const maxText = 2400

// GoDocs derives a set from the sources in goroot/src that this platform
// builds, without tests and commands. Every function and type is a text;
// those with a sentence of at least five words that no other declaration
// shares also have a query. It returns an error when a folder cannot be read.
func GoDocs(goroot string, half Half) (Set, error) {
	root := filepath.Join(goroot, "src")
	c := &collector{seen: map[string]int{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); n == "testdata" || n == "vendor" || path == filepath.Join(root, "cmd") {
				return fs.SkipDir
			}
			return nil
		}
		dir, name := filepath.Split(path)
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || halfOf(dir[len(root):]) != half {
			return nil
		}
		if ok, err := platform().MatchFile(dir, name); err != nil || !ok {
			return err
		}
		return c.file(path)
	})
	if err != nil {
		return Set{}, fmt.Errorf("read %s: %w", root, err)
	}
	return c.set(), nil
}

// platform is fixed, so that every machine measures the same files.
func platform() *build.Context {
	p := build.Default
	p.GOOS, p.GOARCH, p.CgoEnabled = "linux", "amd64", false
	return &p
}

func halfOf(dir string) Half {
	h := fnv.New32a()
	_, _ = h.Write([]byte(filepath.ToSlash(dir)))
	return Half(h.Sum32() >> 7 & 1)
}

type collector struct {
	texts   []string
	queries []string       // "" for a text without one
	seen    map[string]int // how often each query occurs
}

func (c *collector) file(path string) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	at := func(p token.Pos) int { return fset.Position(p).Offset }
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			c.add(d.Name.Name, d.Doc, string(src[at(d.Pos()):at(d.End())]))
		case *ast.GenDecl:
			if d.Tok != token.TYPE {
				continue
			}
			for _, spec := range d.Specs {
				s := spec.(*ast.TypeSpec)
				comment := s.Doc
				if comment == nil {
					comment = d.Doc
				}
				c.add(s.Name.Name, comment, "type "+string(src[at(s.Pos()):at(s.End())]))
			}
		}
	}
	return nil
}

func (c *collector) add(name string, comment *ast.CommentGroup, text string) {
	if name == "_" || name == "init" {
		return
	}
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	query := ""
	if comment != nil {
		sentence := new(doc.Package).Synopsis(comment.Text())
		sentence = regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).ReplaceAllString(sentence, "")
		query = strings.Join(strings.Fields(sentence), " ")
		if len(strings.Fields(query)) < 5 {
			query = ""
		}
	}
	c.texts, c.queries = append(c.texts, text), append(c.queries, query)
	c.seen[query]++
}

func (c *collector) set() Set {
	s := Set{Texts: c.texts}
	for i, q := range c.queries {
		if q != "" && c.seen[q] == 1 {
			s.Queries, s.Answers = append(s.Queries, q), append(s.Answers, i)
		}
	}
	return s
}

// Sample returns s with about n of its queries, evenly spread, over at most
// texts of its texts, those asked for among them. Zero means all texts.
func (s Set) Sample(n, texts int) Set {
	if texts == 0 || texts > len(s.Texts) {
		texts = len(s.Texts)
	}
	out := Set{}
	place := map[int]int{} // of a kept text, by its old place
	for i := range n {
		j := i * len(s.Queries) / n
		out.Queries = append(out.Queries, s.Queries[j])
		place[s.Answers[j]] = len(out.Texts)
		out.Answers = append(out.Answers, len(out.Texts))
		out.Texts = append(out.Texts, s.Texts[s.Answers[j]])
	}
	others := max(1, (len(s.Texts)-n+texts-n-1)/max(1, texts-n))
	for i, seen := 0, 0; i < len(s.Texts) && len(out.Texts) < texts; i++ {
		if _, kept := place[i]; kept {
			continue
		}
		if seen++; seen%others == 0 {
			out.Texts = append(out.Texts, s.Texts[i])
		}
	}
	return out
}
