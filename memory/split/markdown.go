package split

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// maxHeading bounds the path of headings, in bytes.
const maxHeading = 200

// markdown cuts at headings; under each, at its blocks. Only the blocks are
// parsed (CommonMark), not what is in their lines.
func markdown(source string) []unit {
	p := parser.NewParser(parser.WithBlockParsers(
		util.Prioritized(parser.NewSetextHeadingParser(), 100),
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(parser.NewCodeBlockParser(), 500),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(parser.NewHTMLBlockParser(), 900),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	))
	doc := p.Parse(text.NewReader([]byte(source)))
	var out []unit
	var path [6]string
	at, heading := 0, ""
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		start, ok := lineOf(source, n)
		if !ok || start < at {
			continue
		}
		h, isHeading := n.(*ast.Heading)
		if !isHeading && !apart(n) {
			continue
		}
		out = append(out, unit{at, start, heading})
		at = start
		if isHeading {
			path[h.Level-1] = title(source, h)
			clear(path[h.Level:])
			heading = join(path[:])
		}
	}
	return append(out, unit{at, len(source), heading})
}

// apart reports whether a block may begin a passage: what follows a paragraph
// directly, such as the code that it announces, stays with it if it fits.
func apart(n ast.Node) bool {
	switch n.Kind() {
	case ast.KindParagraph, ast.KindFencedCodeBlock, ast.KindCodeBlock, ast.KindHTMLBlock:
		return true
	}
	return false
}

// lineOf returns where the first line of a block begins, its marker included.
func lineOf(source string, n ast.Node) (int, bool) {
	lines := n.Lines()
	if lines == nil || lines.Len() == 0 {
		return 0, false
	}
	start := lines.At(0).Start
	if n.Kind() == ast.KindFencedCodeBlock && start > 0 { // its lines begin after the fence
		start = strings.LastIndexByte(source[:start-1], '\n') + 1
		return start, true
	}
	return strings.LastIndexByte(source[:start], '\n') + 1, true
}

func title(source string, h *ast.Heading) string {
	line := h.Lines().At(0)
	return strings.Join(strings.Fields(strings.Trim(source[line.Start:line.Stop], "# \t\r\n")), " ")
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
