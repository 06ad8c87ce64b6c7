package main

import (
	"fmt"
	"io"
	"time"
)

// plainPause is the least time between two lines of progress without a terminal.
const plainPause = 2 * time.Second

// live shows progress on stderr: one line that changes on a terminal, now and
// then a plain line elsewhere.
type live struct {
	w        io.Writer
	terminal bool
	shown    bool
	last     string
	lastAt   time.Time
}

func (a *app) newLive() *live { return &live{w: a.stderr, terminal: isTerminal(a.stderr)} }

// show replaces the progress that is shown.
func (l *live) show(s string) {
	if l.terminal {
		if l.shown && s == l.last {
			return
		}
		l.last = s
		fmt.Fprintf(l.w, "\r\x1b[K%s", oneLine(s, 120))
		l.shown = true
		return
	}
	if s == l.last || time.Since(l.lastAt) < plainPause {
		return
	}
	l.last, l.lastAt = s, time.Now()
	fmt.Fprintln(l.w, s)
}

// say prints a line that stays.
func (l *live) say(format string, args ...any) {
	l.end()
	fmt.Fprintf(l.w, format+"\n", args...)
}

// end removes the changing line.
func (l *live) end() {
	if l.shown {
		fmt.Fprint(l.w, "\r\x1b[K")
		l.shown = false
	}
}
