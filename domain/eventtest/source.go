package eventtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// wireNames reads which types the Go files of a folder declare with a method
// "Type() string", and returns the literals that these methods return.
func wireNames(folder string) (map[string]bool, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "Type" {
				continue
			}
			name, err := literal(f)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			if names[name] {
				return nil, fmt.Errorf("%s: two types are named %q", path, name)
			}
			names[name] = true
		}
	}
	return names, nil
}

// literal returns the string of a function that is "return <literal>".
func literal(f *ast.FuncDecl) (string, error) {
	if len(f.Body.List) == 1 {
		if r, ok := f.Body.List[0].(*ast.ReturnStmt); ok && len(r.Results) == 1 {
			if lit, ok := r.Results[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				return strconv.Unquote(lit.Value)
			}
		}
	}
	return "", errors.New("a method Type does not return a string literal")
}
