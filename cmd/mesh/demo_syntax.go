package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"go/parser"
	"go/scanner"
	"go/token"
	"io"
	"os/exec"
	"strings"
)

// syntaxChecker returns what checks files with an extension, nil when nothing does.
func syntaxChecker(ext string) func(ctx context.Context, name string, content []byte) []string {
	switch ext {
	case ".go":
		return goSyntax
	case ".json":
		return jsonSyntax
	case ".xml", ".svg":
		return xmlSyntax
	case ".yaml", ".yml":
		return yamlTabs
	case ".sh":
		return shellSyntax
	}
	return nil
}

// checkSyntax returns what is wrong with a file, as "file:line: what".
func checkSyntax(ctx context.Context, t demoTask, content []byte) []string {
	ext := strings.ToLower(t.Path[strings.LastIndexByte(t.Path, '.')+1:])
	if check := syntaxChecker("." + ext); check != nil {
		return check(ctx, t.Path, content)
	}
	return nil
}

func goSyntax(_ context.Context, name string, content []byte) []string {
	_, err := parser.ParseFile(token.NewFileSet(), name, content, parser.SkipObjectResolution)
	var list scanner.ErrorList
	if !errors.As(err, &list) {
		return nil
	}
	var found []string
	for _, e := range list[:min(3, len(list))] {
		found = append(found, fmt.Sprintf("%s:%d: %s", name, e.Pos.Line, e.Msg))
	}
	return found
}

func jsonSyntax(_ context.Context, name string, content []byte) []string {
	dec := json.NewDecoder(bytes.NewReader(content))
	for {
		var v json.RawMessage
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			at := min(int(dec.InputOffset()), len(content))
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				at = min(int(syntax.Offset), len(content))
			}
			return []string{fmt.Sprintf("%s:%d: %v", name, 1+bytes.Count(content[:at], []byte("\n")), err)}
		}
	}
}

func xmlSyntax(_ context.Context, name string, content []byte) []string {
	dec := xml.NewDecoder(bytes.NewReader(content))
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		_, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			line, _ := dec.InputPos()
			return []string{fmt.Sprintf("%s:%d: %v", name, line, err)}
		}
	}
}

// yamlTabs finds lines that are indented with tabs, which YAML forbids.
func yamlTabs(_ context.Context, name string, content []byte) []string {
	n := 0
	for line := range bytes.Lines(content) {
		n++
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.IndexByte(indent, '\t') >= 0 && len(bytes.TrimSpace(line)) > 0 {
			return []string{fmt.Sprintf("%s:%d: a tab in the indentation", name, n)}
		}
	}
	return nil
}

// shellSyntax asks the shell that the file names in its first line.
func shellSyntax(ctx context.Context, name string, content []byte) []string {
	shell := "sh"
	first, _, _ := bytes.Cut(content, []byte("\n"))
	if bytes.Contains(first, []byte("bash")) {
		shell = "bash"
	}
	cmd := exec.CommandContext(ctx, shell, "-n", "/dev/stdin")
	cmd.Stdin = bytes.NewReader(content)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return nil // it is well, or there is no such shell
	}
	line, _, _ := strings.Cut(string(out), "\n")
	_, line, _ = strings.Cut(line, "/dev/stdin: ")
	number, what, _ := strings.Cut(strings.TrimPrefix(line, "line "), ": ")
	return []string{fmt.Sprintf("%s:%s: %s", name, number, what)}
}
