package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// printJSON writes v as one indented document.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printLine writes v as one line of JSON: an item of a stream.
func (a *app) printLine(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// list is how JSON output shows one page of anything.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// printList writes a page as JSON, with an empty list as [].
func printList[T any](a *app, items []T, next string) error {
	if items == nil {
		items = []T{}
	}
	return a.printJSON(list[T]{Items: items, Next: next})
}

// colour is an ANSI colour code.
type colour string

const (
	plain  colour = ""
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	cyan   colour = "36"
	faint  colour = "2"
)

// cell is one field of a table.
type cell struct {
	text  string
	paint colour
}

// text returns an uncoloured cell.
func text(s string) cell { return cell{text: s} }

// textf returns an uncoloured cell with formatted text.
func textf(format string, args ...any) cell { return cell{text: fmt.Sprintf(format, args...)} }

// table is rows under a header, aligned when printed.
type table struct {
	header []string
	rows   [][]cell
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// write prints the table; colours only when coloured is set.
func (t *table) write(w io.Writer, coloured bool) error {
	widths := make([]int, len(t.header))
	for i, h := range t.header {
		widths[i] = utf8.RuneCountInString(h)
	}
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	head := make([]cell, len(t.header))
	for i, h := range t.header {
		head[i] = cell{h, faint}
	}
	var out bytes.Buffer
	for _, row := range append([][]cell{head}, t.rows...) {
		writeRow(&out, row, widths, coloured)
	}
	_, err := w.Write(out.Bytes())
	return err
}

func writeRow(out *bytes.Buffer, row []cell, widths []int, coloured bool) {
	var line strings.Builder
	for i, c := range row {
		line.WriteString(painted(c, coloured))
		if i < len(row)-1 {
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
		}
	}
	out.WriteString(strings.TrimRight(line.String(), " "))
	out.WriteByte('\n')
}

func painted(c cell, coloured bool) string {
	if !coloured || c.paint == plain || c.text == "" {
		return c.text
	}
	return "\x1b[" + string(c.paint) + "m" + c.text + "\x1b[0m"
}

// coloured reports whether output to w may have colours.
func (a *app) coloured(w io.Writer) bool {
	return a.env.get("NO_COLOR") == "" && a.env.get("TERM") != "dumb" && isTerminal(w)
}

// printTable prints a table to stdout and, when there are more pages, how to
// get them on stderr.
func (a *app) printTable(t *table, next string) error {
	if err := t.write(a.stdout, a.coloured(a.stdout)); err != nil {
		return err
	}
	if next != "" {
		fmt.Fprintf(a.stderr, "more: --cursor %s\n", next)
	}
	return nil
}

// printFields prints one thing as aligned name-value lines, without empty values.
func (a *app) printFields(fields [][2]string) {
	width := 0
	for _, f := range fields {
		if f[1] != "" {
			width = max(width, len(f[0]))
		}
	}
	for _, f := range fields {
		if f[1] != "" {
			fmt.Fprintf(a.stdout, "%-*s  %s\n", width, f[0], f[1])
		}
	}
}
