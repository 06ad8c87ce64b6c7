package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/format"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// demoWorkerCmd is the hidden "mesh demo-worker CHECK": the program that the
// demo's agents run for every task. It keeps to the conventions of
// agent-programs and to nothing else.
type demoWorkerCmd struct {
	Check string `arg:"" enum:"checksum,stats,syntax,format,vet"`
}

// finding is the result of one demo task.
type finding struct {
	Check       string   `json:"check"`
	Path        string   `json:"path"`
	Bytes       int64    `json:"bytes,omitempty"`
	Lines       int64    `json:"lines,omitempty"`
	Words       int64    `json:"words,omitempty"`
	Binary      bool     `json:"binary,omitempty"`
	SHA256      string   `json:"sha256,omitempty"`
	Unformatted bool     `json:"unformatted,omitempty"`
	Errors      []string `json:"errors,omitempty"` // "file:line: what"
}

// Run does the check of the task on stdin and prints the finding.
func (cmd *demoWorkerCmd) Run(ctx context.Context, a *app) error {
	var t demoTask
	if err := json.NewDecoder(io.LimitReader(a.stdin, maxInput)).Decode(&t); err != nil {
		return &failure{Exit: exitPermanent, Message: fmt.Sprintf("the input is not a demo task: %v", err)}
	}
	f := finding{Check: cmd.Check, Path: t.Path}
	if cmd.Check == "vet" {
		if err := f.vet(ctx, t, a.stderr); err != nil {
			return err
		}
		return a.printLine(f)
	}
	content, err := os.ReadFile(filepath.Join(t.Root, t.Path))
	if err != nil {
		return &failure{Exit: exitPermanent, Message: err.Error()}
	}
	switch cmd.Check {
	case "checksum":
		sum := sha256.Sum256(content)
		f.SHA256, f.Bytes = hex.EncodeToString(sum[:]), int64(len(content))
	case "stats":
		f.count(content)
	case "format":
		pretty, err := format.Source(content)
		f.Unformatted = err == nil && !bytes.Equal(pretty, content)
	case "syntax":
		f.Errors = checkSyntax(ctx, t, content)
	}
	return a.printLine(f)
}

// count takes a file's statistics; a binary file has no lines and words.
func (f *finding) count(content []byte) {
	f.Bytes = int64(len(content))
	if f.Binary = bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0; f.Binary {
		return
	}
	f.Lines = int64(bytes.Count(content, []byte("\n")))
	if n := len(content); n > 0 && content[n-1] != '\n' {
		f.Lines++
	}
	f.Words = int64(len(bytes.Fields(content)))
}

// vet runs go vet on one package.
func (f *finding) vet(ctx context.Context, t demoTask, stderr io.Writer) error {
	fmt.Fprintf(stderr, "%s0 go vet %s\n", progressMark, t.Path)
	cmd := exec.CommandContext(ctx, "go", "vet", ".")
	cmd.Dir = filepath.Join(t.Root, t.Path)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimPrefix(line, "vet: ")
		line = strings.TrimPrefix(line, "./")
		f.Errors = append(f.Errors, filepath.ToSlash(filepath.Join(t.Path, line)))
	}
	if len(f.Errors) == 0 {
		return fmt.Errorf("go vet: %w", err)
	}
	return nil
}
