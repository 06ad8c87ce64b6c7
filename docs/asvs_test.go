// Package docs_test holds the pages against the code that they speak of.
package docs_test

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What the levels 1 and 2 of OWASP ASVS 5.0.0 hold, counted in the English text
// of the tag v5.0.0_release. The digest is of the lines "<id>,<level>\n" in the
// order of the text.
const (
	asvsRows   = 253
	asvsLevel1 = 70
	asvsDigest = "37c50daaf1c3d75b1486fbecfd4dbf0c134c23c69d99a7dd4bbfb4deafc5cf1b"
)

// requirement is one row of asvs.csv.
type requirement struct {
	id, level, topic, state, note string
	tests                         []string
}

func readTrace(t *testing.T) []requirement {
	t.Helper()
	f, err := os.Open("asvs.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if head := strings.Join(all[0], ","); head != "id,level,topic,state,test,note" {
		t.Fatalf("the first line is %q", head)
	}
	var rows []requirement
	for _, c := range all[1:] {
		rows = append(rows, requirement{id: c[0], level: c[1], topic: c[2], state: c[3], tests: strings.Fields(c[4]), note: c[5]})
	}
	return rows
}

// TestTraceIsOfTheStandard: the rows are the requirements of both levels, each
// once, in the order of the standard, and none is made up.
func TestTraceIsOfTheStandard(t *testing.T) {
	t.Parallel()
	rows, level1, before := readTrace(t), 0, [3]int{}
	digest := sha256.New()
	for _, r := range rows {
		id := parseID(t, r.id)
		if !less(before, id) {
			t.Errorf("%s stands after %v", r.id, before)
		}
		before = id
		switch r.level {
		case "1":
			level1++
		case "2":
		default:
			t.Errorf("%s has level %q", r.id, r.level)
		}
		_, _ = fmt.Fprintf(digest, "%s,%s\n", r.id, r.level)
	}
	if len(rows) != asvsRows || level1 != asvsLevel1 {
		t.Errorf("%d rows, %d of level 1, want %d and %d", len(rows), level1, asvsRows, asvsLevel1)
	}
	if sum := hex.EncodeToString(digest.Sum(nil)); sum != asvsDigest {
		t.Errorf("ids and levels are not those of the standard: %s", sum)
	}
}

func parseID(t *testing.T, text string) (id [3]int) {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != len(id) {
		t.Fatalf("%q is no id", text)
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || strconv.Itoa(n) != p {
			t.Fatalf("%q is no id", text)
		}
		id[i] = n
	}
	return id
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// TestTraceNamesTests: what is met names tests that exist, what is not says
// why, and the sentence on the page has the right counts.
func TestTraceNamesTests(t *testing.T) {
	t.Parallel()
	states, known := map[string]int{}, tests{}
	for _, r := range readTrace(t) {
		states[r.state]++
		switch {
		case r.topic == "":
			t.Errorf("%s has no topic", r.id)
		case r.state == "met" && len(r.tests) == 0:
			t.Errorf("%s is met, and names no test", r.id)
		case (r.state == "open" || r.state == "not applicable") && r.note == "":
			t.Errorf("%s is %s, and does not say why", r.id, r.state)
		case r.state != "met" && r.state != "open" && r.state != "not applicable":
			t.Errorf("%s has state %q", r.id, r.state)
		}
		for _, name := range r.tests {
			if err := known.find(name); err != nil {
				t.Errorf("%s: %v", r.id, err)
			}
		}
	}
	sentence := fmt.Sprintf("Of the %d requirements of levels 1 and 2, %d are met, %d are open and %d do not apply",
		asvsRows, states["met"], states["open"], states["not applicable"])
	t.Log(sentence)
	page, err := os.ReadFile("security.md")
	if err != nil || !strings.Contains(string(page), sentence) || !strings.Contains(string(page), "(asvs.csv)") {
		t.Errorf("security.md does not link asvs.csv and say %q: %v", sentence, err)
	}
}

// tests are the test functions of the packages that were looked at, with the
// strings that stand in each: the names of its subtests are among them.
type tests map[string]map[string]map[string]bool

// find returns an error unless "<package>.<function>" or
// "<package>.<function>/<subtest>" is a test of this module. A subtest stands
// with _ for spaces; it is named in its function, or is a script.
func (all tests) find(name string) error {
	full, sub, _ := strings.Cut(name, ".")
	function, subtest, isSub := strings.Cut(sub, "/")
	if all[full] == nil {
		all[full] = map[string]map[string]bool{}
		if err := all.read(full); err != nil {
			return err
		}
	}
	texts, ok := all[full][function]
	if !ok {
		return fmt.Errorf("package %s has no test %s", full, function)
	}
	scripts, err := filepath.Glob(filepath.Join("..", full, "testdata", "*", subtest+".txtar"))
	if isSub && !texts[subtest] && (err != nil || len(scripts) != 1) {
		return fmt.Errorf("%s.%s has no subtest %s", full, function, subtest)
	}
	return nil
}

func (all tests) read(pkg string) error {
	files, err := filepath.Glob(filepath.Join("..", pkg, "*_test.go"))
	if err != nil {
		return fmt.Errorf("look for the tests of %s: %w", pkg, err)
	}
	if len(files) == 0 {
		return fmt.Errorf("package %s has no tests", pkg)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				all[pkg][f.Name.Name] = textsOf(f)
			}
		}
	}
	return nil
}

func textsOf(f *ast.FuncDecl) map[string]bool {
	texts := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				texts[strings.ReplaceAll(s, " ", "_")] = true
			}
		}
		return true
	})
	return texts
}
