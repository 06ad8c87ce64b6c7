package task

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Limits of a Spec.
const (
	MaxCapabilities = 16
	MaxLabels       = 32
	MaxLabelValue   = 256 // bytes
	MaxPriority     = 9
	MaxAttempts     = 100
	MinLease        = domain.Millis(1_000)
	MaxLease        = domain.Millis(24 * 3600 * 1000)
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
}

// Retry says how often, and after which pauses, a task is tried.
type Retry struct {
	MaxAttempts int           `json:"max_attempts"`
	Backoff     domain.Millis `json:"backoff_ms"`     // pause after the first failure; doubles each time
	MaxBackoff  domain.Millis `json:"max_backoff_ms"` // the pause never exceeds it
	Jitter      float64       `json:"jitter"`         // 0–1: the pause is shortened by up to this share
}

// WithDefaults returns s with everything unset made explicit.
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
func (s Spec) Validate(now time.Time) error {
	if !domain.ValidName(s.Queue) {
		return domain.InvalidField("queue", "%q is not a name: letters, digits and . _ / : - only, at most 63", s.Queue)
	}
	if len(s.Capabilities) > MaxCapabilities {
		return domain.InvalidField("capabilities", "%d given, at most %d allowed", len(s.Capabilities), MaxCapabilities)
	}
	for _, c := range s.Capabilities {
		if !domain.ValidName(c) {
			return domain.InvalidField("capabilities", "%q is not a name: letters, digits and . _ / : - only, at most 63", c)
		}
	}
	if s.Priority < 0 || s.Priority > MaxPriority {
		return domain.InvalidField("priority", "%d is not between 0 and %d", s.Priority, MaxPriority)
	}
	if !s.Deadline.IsZero() && !s.Deadline.After(now) {
		return domain.InvalidField("deadline", "%s is in the past", s.Deadline.Format(time.RFC3339))
	}
	if !s.Deadline.IsZero() && !s.NotBefore.IsZero() && !s.NotBefore.Before(s.Deadline) {
		return domain.InvalidField("not_before", "%s is not before the deadline", s.NotBefore.Format(time.RFC3339))
	}
	if s.Lease < MinLease || s.Lease > MaxLease {
		return domain.InvalidField("lease_ms", "%d is not between %d and %d", s.Lease, MinLease, MaxLease)
	}
	if err := s.Retry.validate(); err != nil {
		return err
	}
	return validateLabels(s.Labels)
}

func (r Retry) validate() error {
	switch {
	case r.MaxAttempts < 1 || r.MaxAttempts > MaxAttempts:
		return domain.InvalidField("retry.max_attempts", "%d is not between 1 and %d", r.MaxAttempts, MaxAttempts)
	case r.Backoff < 0 || r.Backoff > MaxLease:
		return domain.InvalidField("retry.backoff_ms", "%d is not between 0 and %d", r.Backoff, MaxLease)
	case r.MaxBackoff < r.Backoff || r.MaxBackoff > MaxLease:
		return domain.InvalidField("retry.max_backoff_ms", "%d is not between the backoff and %d", r.MaxBackoff, MaxLease)
	case r.Jitter < 0 || r.Jitter > 1:
		return domain.InvalidField("retry.jitter", "%g is not between 0 and 1", r.Jitter)
	}
	return nil
}

func validateLabels(labels map[string]string) error {
	if len(labels) > MaxLabels {
		return domain.InvalidField("labels", "%d given, at most %d allowed", len(labels), MaxLabels)
	}
	for k, v := range labels {
		if !domain.ValidName(k) {
			return domain.InvalidField("labels", "%q is not a label name", k)
		}
		if len(v) > MaxLabelValue {
			return domain.InvalidField("labels", "the value of %q is longer than %d bytes", k, MaxLabelValue)
		}
	}
	return nil
}
