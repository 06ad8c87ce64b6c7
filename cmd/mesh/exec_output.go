package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// outlet copies what a program writes into a pipe to a writer.
type outlet struct {
	r, w *os.File
	to   io.Writer
	done chan struct{}
}

func newOutlet(to io.Writer) (*outlet, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	return &outlet{r: r, w: w, to: to, done: make(chan struct{})}, nil
}

// start copies until every process that has the other end has closed it.
func (o *outlet) start() {
	o.w.Close()
	go func() {
		defer close(o.done)
		io.Copy(o.to, o.r) //nolint:errcheck // the writers never fail, and a broken pipe is its end
	}()
}

// finish waits for the end of the output, but not for long: a process that
// left the program's group may hold the pipe for ever.
func (o *outlet) finish() {
	o.r.SetReadDeadline(time.Now().Add(pipeGrace)) //nolint:errcheck // pipes have deadlines
	<-o.done
}

func (o *outlet) close() {
	o.w.Close()
	o.r.Close()
}

// capped keeps what is written, up to limit bytes; beyond them it drops all
// and calls full.
type capped struct {
	buf   bytes.Buffer
	limit int
	over  bool
	full  func()
}

// Write takes the next bytes. It never fails.
func (c *capped) Write(p []byte) (int, error) {
	if !c.over && c.buf.Len()+len(p) > c.limit {
		c.over, c.buf = true, bytes.Buffer{}
		c.full()
	}
	if !c.over {
		c.buf.Write(p)
	}
	return len(p), nil
}

// progressMark begins a line of stderr that reports progress.
const progressMark = "::progress "

// maxLogLine is how much of a line without an end is held back, in bytes.
const maxLogLine = 64 << 10

// logWriter takes a program's stderr line by line: progress reports to
// progress, all else to log.
type logWriter struct {
	progress func(percent int, message string)
	log      func(line string)
	last     string // the last line that was not blank
	partial  []byte
}

// Write takes the next bytes. It never fails.
func (w *logWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		w.partial = append(w.partial, p[:i]...)
		w.line()
		p = p[i+1:]
	}
	w.partial = append(w.partial, p...)
	if len(w.partial) > maxLogLine {
		w.line()
	}
	return n, nil
}

// flush takes what has no end of line as a line.
func (w *logWriter) flush() {
	if len(w.partial) > 0 {
		w.line()
	}
}

func (w *logWriter) line() {
	s := strings.TrimSuffix(string(w.partial), "\r")
	w.partial = w.partial[:0]
	if percent, message, ok := parseProgress(s); ok {
		w.progress(percent, message)
		return
	}
	if t := strings.TrimSpace(s); t != "" {
		w.last = t
	}
	w.log(s)
}

// parseProgress reads a line such as "::progress 40 half of it".
func parseProgress(line string) (percent int, message string, ok bool) {
	rest, ok := strings.CutPrefix(line, progressMark)
	if !ok {
		return 0, "", false
	}
	number, message, _ := strings.Cut(strings.TrimSpace(rest), " ")
	percent, err := strconv.Atoi(strings.TrimSuffix(number, "%"))
	if err != nil || percent < 0 || percent > 100 {
		return 0, "", false
	}
	return percent, strings.TrimSpace(message), true
}
