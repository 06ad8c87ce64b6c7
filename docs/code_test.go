package docs_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hivemesh/hivemesh"

// source is a file of the module that is no test.
type source struct {
	pkg, path string
	imports   []string
}

// sources reads all files of the module but tests, measurements and what only
// tests use.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "bench" || name == "tools" || name == "testdata" || forTests(name) || strings.HasPrefix(name, ".") && name != ".."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{path: path, pkg: filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), "../"))}
		for _, i := range file.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		all = append(all, s)
		return nil
	})
	if err != nil || len(all) < 200 {
		t.Fatalf("%d files, %v", len(all), err)
	}
	return all
}

func forTests(dir string) bool { return len(dir) > len("test") && strings.HasSuffix(dir, "test") }

// TestImports: the program holds no memory that is not safe, no debugging
// pages, no templates that do not escape, no loose deserialisers, no broken ciphers, and nothing
// that is made for tests; its clients check certificates.
func TestImports(t *testing.T) {
	t.Parallel()
	banned := []string{
		"C", "unsafe", "plugin", "encoding/gob", "text/template", "net/http/pprof", "expvar", "net/rpc", "net/http/cgi",
		"crypto/des", "crypto/dsa", "crypto/md5", "crypto/rc4", "crypto/rsa", "math/rand", "testing",
	}
	for _, s := range sources(t) {
		for _, i := range s.imports {
			last := i[strings.LastIndexByte(i, '/')+1:]
			if slices.Contains(banned, i) || strings.HasPrefix(i, module) && forTests(last) {
				t.Errorf("%s imports %s", s.path, i)
			}
			if i == "math/rand/v2" && s.pkg != "client" && s.pkg != "eventstore" {
				t.Errorf("%s imports %s, which is no source of secrets", s.path, i)
			}
		}
		if text, err := os.ReadFile(s.path); err != nil || strings.Contains(string(text), "InsecureSkip"+"Verify") {
			t.Errorf("%s: certificates are not checked (%v)", s.path, err)
		}
	}
}

// TestCryptography: cryptography.md names what is imported, where, and no more.
func TestCryptography(t *testing.T) {
	t.Parallel()
	said, found := map[string]bool{}, map[string]bool{}
	for _, row := range tableRows(t, "cryptography.md", "| algorithm |") {
		for _, i := range quoted(row[3]) {
			for _, pkg := range quoted(row[2]) {
				said[pkg+" "+i] = true
			}
		}
	}
	for _, s := range sources(t) {
		for _, i := range s.imports {
			if cryptographic(i) {
				found[s.pkg+" "+i] = true
			}
		}
	}
	// A row may have several imports of which a package needs one.
	for pair := range found {
		if !said[pair] {
			t.Errorf("cryptography.md lacks %s", pair)
		}
	}
	for pair := range said {
		pkg, _, _ := strings.Cut(pair, " ")
		if !slices.ContainsFunc(slices.Collect(maps.Keys(found)), func(f string) bool { return strings.HasPrefix(f, pkg+" ") }) {
			t.Errorf("cryptography.md says %s, where there is none", pair)
		}
	}
}

func cryptographic(path string) bool {
	for _, prefix := range []string{
		"crypto/", "golang.org/x/crypto/", "github.com/golang-jwt/", "github.com/nats-io/jwt", "github.com/nats-io/nkeys", "github.com/pquerna/otp",
		"github.com/go-webauthn/", "github.com/coreos/go-oidc", "github.com/go-jose/",
	} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// tableRows returns the cells of the table whose first line begins so.
func tableRows(t *testing.T, page, head string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), head)
	table, _, _ := strings.Cut(rest, "\n\n")
	for _, line := range strings.Split(table, "\n")[2:] {
		rows = append(rows, strings.Split(strings.Trim(line, "| "), " | "))
	}
	if !found || len(rows) == 0 {
		t.Fatalf("%s has no table %s", page, head)
	}
	return rows
}

// quoted returns what stands between backquotes.
func quoted(cell string) (all []string) {
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			all = append(all, part)
		}
	}
	return all
}

// TestDependencies: dependencies.md has every module that go.mod asks for.
func TestDependencies(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(mod), "require (\n")
	direct, _, _ := strings.Cut(rest, "\n)")
	for line := range strings.Lines(direct) {
		path, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, short, _ := strings.Cut(path, "/")
		last := path[strings.LastIndexByte(path, '/')+1:]
		if text := string(page); !strings.Contains(text, path+" ") && !strings.Contains(text, path+",") && !strings.Contains(text, ", "+short+" ") && !strings.Contains(text, ", "+last+" ") {
			t.Errorf("dependencies.md lacks %s", path)
		}
	}
}
