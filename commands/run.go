package commands

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

// run is the one way every command takes: who may, what for, how long, how it
// ended.
func (s *Service) run(by domain.Actor, command string, m Meta, about identity.Resource, do func(eventstore.Command) (Result, error)) (Result, error) {
	began := s.now()
	err := s.admit(by, command, m, about)
	var res Result
	if err == nil {
		res, err = do(s.envelope(by, m))
	}
	return res, s.ended(command, began, err)
}

// admit checks what can be checked before anything is done.
func (s *Service) admit(by domain.Actor, command string, m Meta, about identity.Resource) error {
	if err := s.Authorise(by, command, about); err != nil {
		return err
	}
	if err := m.validate(); err != nil {
		return err
	}
	return s.room()
}

// asLogFull words the refusal of a Config.Room.
func asLogFull(room func() error) func() error {
	return func() error {
		if room == nil {
			return nil
		}
		if err := room(); err != nil {
			return errLogFull(err)
		}
		return nil
	}
}

// errLogFull refuses a command because there is no room for its event.
func errLogFull(cause error) error {
	return &domain.Error{Kind: domain.Unavailable, Code: "log_full", Message: "the event log has no room left; nothing was written. Free disk space, then try again", Err: cause}
}

// ended counts a command and words its error for the caller.
func (s *Service) ended(command string, began time.Time, err error) error {
	err = explain(err)
	s.observe(command, s.now().Sub(began), err)
	return err
}

// envelope is the part of the event headers that a command decides.
func (s *Service) envelope(by domain.Actor, m Meta) eventstore.Command {
	if m.ID == "" {
		m.ID = newID()
	}
	return eventstore.Command{
		ID: m.ID, Actor: by.ID, For: by.For, Correlation: m.Correlation, Causation: m.Causation,
		TraceParent: m.TraceParent, Time: s.now().UTC(),
	}
}

// headerText is what a client may put into an event's headers.
var headerText = regexp.MustCompile(`^[\x21-\x7e]{0,128}$`)

func (m Meta) validate() error {
	fields := [...]struct{ name, value string }{
		{"command", m.ID}, {"correlation", m.Correlation}, {"causation", m.Causation}, {"traceparent", m.TraceParent},
	}
	for _, f := range fields {
		if !headerText.MatchString(f.value) {
			return domain.InvalidField(f.name, "must be at most 128 printable ASCII characters without spaces")
		}
	}
	if len(m.Key) > 256 {
		return domain.InvalidField("key", "is longer than 256 bytes")
	}
	return nil
}

// explain turns what the event store reports into what a user can act on.
func explain(err error) error {
	var known *domain.Error
	var conflict *eventstore.ConflictError
	var readOnly *eventstore.ReadOnlyError
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.As(err, &conflict):
		return &domain.Error{Kind: domain.Conflict, Code: "concurrent_change", Message: "others kept changing the same thing at the same time; try again", Err: err}
	case errors.As(err, &readOnly):
		return &domain.Error{Kind: domain.Unavailable, Code: "read_only", Message: "a newer version of the mesh has written events that this one does not know; use a node of that version", Err: err}
	case errors.Is(err, eventstore.ErrFull):
		return errLogFull(err)
	case errors.Is(err, eventstore.ErrTooLarge):
		return &domain.Error{Kind: domain.TooLarge, Code: "too_large", Message: "the event is larger than the log accepts", Err: err}
	case errors.Is(err, eventstore.ErrUnknownOutcome):
		return &domain.Error{Kind: domain.Unavailable, Code: "unknown_outcome", Message: "the event log did not answer, so it is not known whether this was written; repeat the same request with the same key", Err: err}
	case errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &domain.Error{Kind: domain.Unavailable, Code: "log_unavailable", Message: "the event log does not answer; try again", Err: err}
	default:
		return err
	}
}
