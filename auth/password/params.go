package password

import (
	"github.com/hivemesh/hivemesh/domain"
)

// The bounds of Params, for verifiers that are made and for those that are
// read: a damaged or foreign verifier must not make the node take gigabytes.
const (
	maxMemory = 128 << 10 // KiB, twice what RFC 9106 recommends where memory is short
	maxPasses = 16
	maxLanes  = 16
)

// Params say how dear a hashing is.
type Params struct {
	Memory uint32 // KiB, 8 for each lane to 131072
	Passes uint32 // over that memory, 1 to 16
	Lanes  uint8  // computed in parallel, 1 to 16
}

// DefaultParams returns 19 MiB, two passes, one lane: the least that the OWASP
// Password Storage Cheat Sheet recommends.
func DefaultParams() Params { return Params{Memory: 19 << 10, Passes: 2, Lanes: 1} }

func (p Params) valid() bool {
	return p.Lanes >= 1 && p.Lanes <= maxLanes && p.Passes >= 1 && p.Passes <= maxPasses &&
		p.Memory >= 8*uint32(p.Lanes) && p.Memory <= maxMemory
}

// weaker reports whether guessing is cheaper with p than with today's params.
// Lanes do not count: they change how fast one machine is, not the work.
func (p Params) weaker(today Params) bool {
	return p.Memory < today.Memory || p.Passes < today.Passes
}

func badVerifier(message string) error {
	return &domain.Error{Kind: domain.Internal, Code: "bad_verifier", Message: "the stored verifier " + message}
}
