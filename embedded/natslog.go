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
// passwords that are random and never leave this machine's memory, and the
// refusals of the callout, which whoever answers it logs with the reason.
const (
	sizeAdvice     = "Maximum payloads over"
	passwordAdvice = "Plaintext passwords detected"
	calloutRefusal = "Auth callout service returned an error"
)

func (l *natsLog) Warnf(format string, v ...any) {
	for _, known := range [...]string{sizeAdvice, passwordAdvice, calloutRefusal} {
		if strings.HasPrefix(format, known) {
			return
		}
	}
	l.log.Warn().Str("part", "nats").Msgf(format, v...)
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
