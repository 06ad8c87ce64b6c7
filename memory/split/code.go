package split

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// goCode cuts Go at its declarations. A file that does not parse is cut as far
// as it does, and the rest like other code.
func goCode(text string) []unit {
	files := token.NewFileSet()
	file, _ := parser.ParseFile(files, "x.go", text, parser.ParseComments|parser.SkipObjectResolution)
	if file == nil || len(file.Decls) == 0 {
		return code(text)
	}
	offset := func(p token.Pos) int { return min(max(0, files.PositionFor(p, false).Offset), len(text)) }
	var out []unit
	at, name := 0, "package "+file.Name.Name
	for _, d := range file.Decls {
		start := offset(begin(d))
		if start < at {
			continue
		}
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue // stays with the package clause
		}
		out = append(out, unit{at, start, name})
		at, name = start, named(d)
	}
	return append(out, unit{at, len(text), name})
}

// begin is where a declaration begins, its comment included.
func begin(d ast.Decl) token.Pos {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc != nil {
			return d.Doc.Pos()
		}
	case *ast.GenDecl:
		if d.Doc != nil {
			return d.Doc.Pos()
		}
	}
	return d.Pos()
}

func named(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && len(d.Recv.List) > 0 {
			return clip("func (" + typeName(d.Recv.List[0].Type) + ") " + d.Name.Name)
		}
		return clip("func " + d.Name.Name)
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				return clip("type " + s.Name.Name)
			case *ast.ValueSpec:
				return clip(d.Tok.String() + " " + s.Names[0].Name)
			}
		}
		return d.Tok.String()
	}
	return ""
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return "*" + typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}

// code cuts where a line begins without indentation after a blank line: in
// most languages a new declaration, with the comment above it.
func code(text string) []unit {
	var out []unit
	begin, blank := 0, false
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := text[at:next]
		empty := strings.TrimSpace(line) == ""
		if blank && !empty && !strings.ContainsAny(line[:1], " \t})]") {
			out = append(out, unit{begin, at, ""})
			begin = at
		}
		blank = empty
		at = next
	}
	return append(out, unit{begin, len(text), ""})
}
