package split

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

const (
	maxHeading = 200 // bounds the path of headings, in bytes
	maxDepth   = 16  // of lists, their items and quotes in one another; what is deeper is a paragraph
)

// shallow lets a list or quote begin only where few are open, so that the time
// a line takes does not grow with the text.
type shallow struct{ parser.BlockParser }

// Open begins a block if it is not too deep.
func (s shallow) Open(parent ast.Node, r text.Reader, c parser.Context) (ast.Node, parser.State) {
	depth := 0
	for n := parent; n != nil; n = n.Parent() {
		depth++
	}
	if depth > maxDepth {
		return nil, parser.NoChildren
	}
	return s.BlockParser.Open(parent, r, c)
}

// blocks parses the blocks of a text (CommonMark), not what is in their lines.
func blocks(source string) ast.Node {
	p := parser.NewParser(parser.WithBlockParsers(
		util.Prioritized(parser.NewSetextHeadingParser(), 100),
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(shallow{parser.NewListParser()}, 300),
		util.Prioritized(parser.NewListItemParser(), 400), // begins in a list only
		util.Prioritized(parser.NewCodeBlockParser(), 500),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(shallow{parser.NewBlockquoteParser()}, 800),
		util.Prioritized(parser.NewHTMLBlockParser(), 900),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	))
	return p.Parse(text.NewReader([]byte(source)))
}

// markdown cuts at headings; under each, at its blocks.
func markdown(source string) []unit {
	o := outline{source: source}
	o.walk(blocks(source))
	return append(o.units, unit{o.at, len(source), o.heading})
}

// outline gathers the units of a Markdown text.
type outline struct {
	source  string
	units   []unit
	at      int // where the unit that is open began
	heading string
	path    [6]string
}

// walk adds the blocks of a document, list or quote; a heading within a list
// or quote is part of it.
func (o *outline) walk(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		h, isHeading := n.(*ast.Heading)
		isHeading = isHeading && parent.Kind() == ast.KindDocument
		if start, ok := lineOf(o.source, n); ok && start >= o.at && (isHeading || apart(n)) {
			o.units = append(o.units, unit{o.at, start, o.heading})
			o.at = start
			if isHeading {
				o.path[h.Level-1] = title(o.source, h)
				clear(o.path[h.Level:])
				o.heading = join(o.path[:])
			}
		}
		switch n.Kind() {
		case ast.KindList, ast.KindListItem, ast.KindBlockquote:
			o.walk(n)
		}
	}
}

// apart reports whether a block begins a unit. A line that only divides
// belongs to what is before it.
func apart(n ast.Node) bool {
	switch n.Kind() {
	case ast.KindParagraph, ast.KindTextBlock, ast.KindFencedCodeBlock, ast.KindCodeBlock, ast.KindHTMLBlock:
		return true
	}
	return false
}

// lineOf returns where the first line of a block begins, its marker included.
func lineOf(source string, n ast.Node) (int, bool) {
	pos := n.Pos()
	if pos < 0 || pos > len(source) {
		return 0, false
	}
	return strings.LastIndexByte(source[:pos], '\n') + 1, true
}

// title is what a heading says, without its marks; it may say nothing.
func title(source string, h *ast.Heading) string {
	if h.Lines().Len() == 0 {
		return ""
	}
	line := h.Lines().At(0)
	return strings.Join(strings.Fields(source[line.Start:line.Stop]), " ")
}

func join(path []string) string {
	var parts []string
	for _, p := range path {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return clip(strings.Join(parts, " > "))
}

// clip shortens a heading to its limit, at a character.
func clip(s string) string {
	if len(s) <= maxHeading {
		return s
	}
	return strings.ToValidUTF8(s[:maxHeading], "")
}
