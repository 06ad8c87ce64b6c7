package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// maxInput is the largest input or result in bytes; the mesh has the same limit.
const maxInput = 8 << 20

// readJSON returns the JSON of an argument: the text itself, @FILE for the
// content of a file, or - for standard input. flag names the argument in errors.
func (a *app) readJSON(flag, arg string) (json.RawMessage, error) {
	if arg == "" {
		return nil, nil
	}
	text, from, err := a.readArgument(arg)
	if err != nil {
		return nil, err
	}
	if len(text) > maxInput {
		return nil, &failure{Exit: exitUsage, Code: "too_large", Field: flag, Message: fmt.Sprintf("--%s: %s is over the limit of %s", flag, from, bytesText(maxInput))}
	}
	if err := checkJSON(text); err != nil {
		return nil, &failure{Exit: exitUsage, Code: "invalid_json", Field: flag, Message: fmt.Sprintf("--%s: %s is not valid JSON: %v", flag, from, err), Hint: `text must be quoted twice: '"text"'`}
	}
	return bytes.TrimSpace(text), nil
}

// readArgument returns the bytes that an argument stands for, and a name for them.
func (a *app) readArgument(arg string) (text []byte, from string, err error) {
	r, from, err := a.openArgument(arg)
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	text, err = io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, "", fmt.Errorf("read %s: %w", from, err)
	}
	return text, from, nil
}

func (a *app) openArgument(arg string) (r io.ReadCloser, from string, err error) {
	if arg == "-" {
		return io.NopCloser(a.stdin), "standard input", nil
	}
	path, ok := strings.CutPrefix(arg, "@")
	if !ok {
		return io.NopCloser(strings.NewReader(arg)), "the text given", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, "", &failure{Exit: exitUsage, Code: "bad_file", Message: err.Error()}
	}
	return f, path, nil
}

// checkJSON says where text stops being JSON.
func checkJSON(text []byte) error {
	var v json.RawMessage
	err := json.Unmarshal(text, &v)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		return fmt.Errorf("%w (line %d, byte %d)", err, line, syntax.Offset)
	}
	return err
}

// readMoment returns a time given as RFC 3339 or as a duration from now; nil
// when nothing was given.
func readMoment(flag, s string, now time.Time) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return &t, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return nil, &failure{
			Exit: exitUsage, Code: "bad_time", Field: flag,
			Message: fmt.Sprintf("--%s: %q is neither a duration nor a time", flag, s),
			Hint:    "for example 10m, 1h30m or 2026-01-31T12:00:00Z",
		}
	}
	t := now.Add(d).UTC()
	return &t, nil
}

// eachLine calls f with every line of an argument (FILE or - for standard
// input) that is not blank, with its number. A line may be as long as maxInput.
func (a *app) eachLine(arg string, f func(n int, line []byte) error) error {
	if arg != "-" {
		arg = "@" + strings.TrimPrefix(arg, "@")
	}
	r, from, err := a.openArgument(arg)
	if err != nil {
		return err
	}
	defer r.Close()
	return scanLines(r, from, f)
}
