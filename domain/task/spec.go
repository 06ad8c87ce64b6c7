package task

import (
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hivemesh/hivemesh/domain"
)

// Limits of a Spec.
const (
	MaxCapabilities = 16
	MaxPriority     = 9
	MaxAttempts     = 100
	MinLease        = domain.Millis(1_000)
	MaxLease        = domain.Millis(24 * 3600 * 1000)
	MaxBackoff      = MaxLease
)

// Spec is what a submitter asks for.
type Spec struct {
	Queue        string            `json:"queue"`
	Capabilities []string          `json:"capabilities,omitempty"` // an agent must have all of them
	Priority     int               `json:"priority"`               // 0–9, higher first
	Input        domain.Payload    `json:"input,omitzero"`
	Deadline     time.Time         `json:"deadline,omitzero"`   // failed when not done by then
	NotBefore    time.Time         `json:"not_before,omitzero"` // not assigned earlier
	Lease        domain.Millis     `json:"lease_ms"`            // longest silence of an attempt
	Retry        Retry             `json:"retry"`
	Labels       map[string]string `json:"labels,omitempty"`
	Recall       *Recall           `json:"recall,omitempty"`   // what the agent is to be told with the assignment; nil = nothing
	Remember     bool              `json:"remember,omitempty"` // keep the result in memory
}

// Recall asks for what is worth knowing for a task, within the rights of the
// agent that gets it.
type Recall struct {
	Query  string   `json:"query,omitempty"`  // empty = what the input says
	Budget int      `json:"budget,omitempty"` // tokens; 0 = the mesh's default
	Kinds  []string `json:"kinds,omitempty"`  // of items; none = every kind but checkpoints
}

// Limits of a Recall. The pack travels with the assignment.
const (
	MaxRecallQuery  = 8 << 10 // bytes
	MinRecallBudget = 16
	MaxRecallBudget = 20_000
	MaxRecallKinds  = 16
)

func (r *Recall) validate() error {
	switch {
	case r == nil:
		return nil
	case len(r.Query) > MaxRecallQuery:
		return domain.InvalidField("recall.query", "is longer than %d bytes", MaxRecallQuery)
	case !utf8.ValidString(r.Query) || strings.ContainsRune(r.Query, 0):
		return domain.InvalidField("recall.query", "is not valid text")
	case r.Budget != 0 && (r.Budget < MinRecallBudget || r.Budget > MaxRecallBudget):
		return domain.InvalidField("recall.budget", "%d is not between %d and %d", r.Budget, MinRecallBudget, MaxRecallBudget)
	}
	return domain.CheckNames("recall.kinds", r.Kinds, MaxRecallKinds)
}

// Retry says how often, and after which pauses, a task is tried.
type Retry struct {
	MaxAttempts int           `json:"max_attempts"`
	Backoff     domain.Millis `json:"backoff_ms"`     // pause after the first failure; doubles each time
	MaxBackoff  domain.Millis `json:"max_backoff_ms"` // the pause never exceeds it
	Jitter      float64       `json:"jitter"`         // 0–1: the pause is shortened by up to this share
}

// WithDefaults returns s with everything unset made explicit. Zero means unset:
// the least backoff is 1 ms, the least jitter the smallest number above 0.
func (s Spec) WithDefaults() Spec {
	if s.Queue == "" {
		s.Queue = "default"
	}
	if s.Lease == 0 {
		s.Lease = 30_000
	}
	if s.Retry.MaxAttempts == 0 {
		s.Retry.MaxAttempts = 3
	}
	if s.Retry.Backoff == 0 {
		s.Retry.Backoff = 1_000
	}
	if s.Retry.MaxBackoff == 0 {
		s.Retry.MaxBackoff = max(60_000, s.Retry.Backoff)
	}
	if s.Retry.Jitter == 0 {
		s.Retry.Jitter = 0.2
	}
	return s
}

// Validate returns an Invalid error that names the first field that is wrong.
// The input is not looked at. s must have its defaults.
func (s Spec) Validate(now time.Time) error {
	if err := domain.CheckName("queue", s.Queue); err != nil {
		return err
	}
	if err := domain.CheckNames("capabilities", s.Capabilities, MaxCapabilities); err != nil {
		return err
	}
	if s.Priority < 0 || s.Priority > MaxPriority {
		return domain.InvalidField("priority", "%d is not between 0 and %d", s.Priority, MaxPriority)
	}
	if err := validateDeadline(s.Deadline, now); err != nil {
		return err
	}
	if err := domain.CheckTime("not_before", s.NotBefore); err != nil {
		return err
	}
	if !s.Deadline.IsZero() && !s.NotBefore.Before(s.Deadline) {
		return domain.InvalidField("not_before", "%s is not before the deadline", s.NotBefore.Format(time.RFC3339))
	}
	if s.Lease < MinLease || s.Lease > MaxLease {
		return domain.InvalidField("lease_ms", "%d is not between %d and %d", s.Lease, MinLease, MaxLease)
	}
	if err := s.Retry.validate(); err != nil {
		return err
	}
	if err := s.Recall.validate(); err != nil {
		return err
	}
	return domain.CheckLabels(s.Labels)
}

// validateDeadline refuses a deadline that is not ahead; the zero time is none.
func validateDeadline(deadline, now time.Time) error {
	if !deadline.IsZero() && !deadline.After(now) {
		return domain.InvalidField("deadline", "%s is in the past", deadline.Format(time.RFC3339))
	}
	return domain.CheckTime("deadline", deadline)
}

func (r Retry) validate() error {
	switch {
	case r.MaxAttempts < 1 || r.MaxAttempts > MaxAttempts:
		return domain.InvalidField("retry.max_attempts", "%d is not between 1 and %d", r.MaxAttempts, MaxAttempts)
	case r.Backoff < 0 || r.Backoff > MaxBackoff:
		return domain.InvalidField("retry.backoff_ms", "%d is not between 0 and %d", r.Backoff, MaxBackoff)
	case r.MaxBackoff < r.Backoff || r.MaxBackoff > MaxBackoff:
		return domain.InvalidField("retry.max_backoff_ms", "%d is not between the backoff and %d", r.MaxBackoff, MaxBackoff)
	case math.IsNaN(r.Jitter) || r.Jitter < 0 || r.Jitter > 1:
		return domain.InvalidField("retry.jitter", "%g is not between 0 and 1", r.Jitter)
	}
	return nil
}

// pause is how long attempt waits after the failures before it: the backoff,
// doubled for each of them up to MaxBackoff, and shortened by a share that
// depends on task and attempt alone: spread like jitter, and the same in every
// replay. It lies between (1 - Jitter) of that length and the whole of it.
func (r Retry) pause(task string, attempt, failures int) time.Duration {
	d := min(r.Backoff, r.MaxBackoff)
	for range failures {
		if d > r.MaxBackoff/2 {
			d = r.MaxBackoff
			break
		}
		d *= 2
	}
	h := fnv.New32a()
	h.Write([]byte(task + "/" + strconv.Itoa(attempt)))
	share := float64(h.Sum32()) / float64(1<<32)
	return time.Duration(float64(d.Duration()) * (1 - r.Jitter*share))
}
