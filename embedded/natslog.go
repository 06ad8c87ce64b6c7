package embedded

import (
	"fmt"
	"strings"

	"github.com/rs/zerolog"
)

// natsLog passes the server's warnings and errors on and keeps its first
// fatal line, which the server logs instead of returning.
type natsLog struct {
	log   zerolog.Logger
	fatal chan string // capacity 1
}

// What begins the warnings about things that are chosen on purpose: MaxPayload,
// and passwords that are random and never leave this machine's memory.
const (
	sizeAdvice     = "Maximum payloads over"
	passwordAdvice = "Plaintext passwords detected"
)

func (l *natsLog) Warnf(format string, v ...any) {
	if !strings.HasPrefix(format, sizeAdvice) && !strings.HasPrefix(format, passwordAdvice) {
		l.log.Warn().Str("part", "nats").Msgf(format, v...)
	}
}

func (l *natsLog) Errorf(format string, v ...any) {
	l.log.Error().Str("part", "nats").Msgf(format, v...)
}

func (l *natsLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
		l.Errorf(format, v...)
	}
}

func (l *natsLog) Noticef(string, ...any) {}
func (l *natsLog) Debugf(string, ...any)  {}
func (l *natsLog) Tracef(string, ...any)  {}
