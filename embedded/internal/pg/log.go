package pg

import (
	"bytes"
	"strings"
	"sync"

	"github.com/rs/zerolog"
)

const tailLines = 20

// Log takes the server's standard error: it passes each line on by its
// severity and keeps the last ones for the error when a start fails.
type Log struct {
	log     zerolog.Logger
	mu      sync.Mutex
	partial []byte
	tail    []string
}

// NewLog returns a Log that passes lines on to log.
func NewLog(log zerolog.Logger) *Log {
	return &Log{log: log.With().Str("part", "postgres").Logger()}
}

// Write takes any piece of the stream; it never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.line(string(line))
		l.partial = rest
	}
}

// Tail returns the last lines.
func (l *Log) Tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.tail, "\n")
}

func (l *Log) line(line string) {
	l.tail = append(l.tail, line)
	if len(l.tail) > tailLines {
		l.tail = l.tail[1:]
	}
	severity, text, found := strings.Cut(line, ":  ")
	if !found {
		l.log.Debug().Msg(line)
		return
	}
	level := zerolog.DebugLevel
	switch severity {
	case "WARNING", "ERROR": // a FATAL ends one session, which is told
		level = zerolog.WarnLevel
	case "PANIC":
		level = zerolog.ErrorLevel
	}
	l.log.WithLevel(level).Msg(text)
}
