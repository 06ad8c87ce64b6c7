package projection

import "time"

// RetryRequested asks for a key's parked events to be applied again, in order.
type RetryRequested struct {
	Projection string `json:"projection"`
	Key        string `json:"key"` // tenant/kind/id
}

// SkipRequested asks for one parked event to be passed over for good.
type SkipRequested struct {
	Projection string `json:"projection"`
	Key        string `json:"key"`
	Seq        uint64 `json:"seq"`
	Reason     string `json:"reason"`
}

// RebuildRequested asks for a new generation filled from the log.
type RebuildRequested struct {
	Projection string `json:"projection"`
}

// The wire names.

func (RetryRequested) Type() string   { return "projection.retry_requested" }
func (SkipRequested) Type() string    { return "projection.skip_requested" }
func (RebuildRequested) Type() string { return "projection.rebuild_requested" }

func (e RetryRequested) apply(p Projection, at time.Time) Projection   { return p.asked(e, at) }
func (e SkipRequested) apply(p Projection, at time.Time) Projection    { return p.asked(e, at) }
func (e RebuildRequested) apply(p Projection, at time.Time) Projection { return p.asked(e, at) }

func (p Projection) asked(e Event, at time.Time) Projection {
	p.Last, p.At = e, at
	return p
}
