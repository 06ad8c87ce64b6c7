package projections

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/hivemesh/hivemesh/domain/memory"
)

// As many bits differ as the angle says, whatever the length of the vectors,
// and also when most of their numbers are 0.
func TestSketchTellsAngles(t *testing.T) {
	t.Parallel()
	for _, dims := range []int{1, 16, 300, 512, 1024, 1536, 4000} {
		for _, share := range []float64{1, 0.05} {
			rng := rand.New(rand.NewPCG(uint64(dims), 7)) //nolint:gosec // a test draws
			worst := 0.0
			for range 100 {
				a := sparse(rng, dims, share)
				b := sparse(rng, dims, share)
				mix := float32(rng.Float64())
				for i := range b {
					b[i] = mix*b[i] + (1-mix)*a[i]
				}
				got := float64(differing(sketch(a).Bytes, sketch(b).Bytes)) / sketchBits
				worst = max(worst, math.Abs(got-angle(a, b)/math.Pi))
			}
			most := 0.06 // five standard deviations of 2048 throws
			if dims <= 16 {
				most = 0.12 // planes in few dimensions are not as random
			}
			if worst > most && dims > 1 {
				t.Errorf("%d dimensions, %.0f%% of them set: off by %.3f of a half turn", dims, 100*share, worst)
			}
		}
	}
}

// Read models hold sketches: one that came out otherwise would be compared
// with those of before.
func TestSketchStaysTheSame(t *testing.T) {
	t.Parallel()
	for dims, want := range map[int]string{
		7:    "fd06f00d2de98d37",
		512:  "fb1c7d2d0e6273ff",
		1536: "44fc738d4be12ada",
	} {
		v := make(memory.Vector, dims)
		for i := range v {
			v[i] = float32(i%13) - 6
		}
		sum := sha256.Sum256(sketch(v).Bytes)
		if got := hex.EncodeToString(sum[:8]); got != want {
			t.Errorf("of %d numbers: %s, not %s; a new version of the read model is needed", dims, got, want)
		}
	}
}

func sparse(rng *rand.Rand, dims int, share float64) memory.Vector {
	v := make(memory.Vector, dims)
	v[rng.IntN(dims)] = 1
	for i := range v {
		if rng.Float64() < share {
			v[i] = float32(rng.NormFloat64())
		}
	}
	return v
}

func differing(a, b []byte) int {
	n := 0
	for i := range a {
		n += bits.OnesCount8(a[i] ^ b[i])
	}
	return n
}

func angle(a, b memory.Vector) float64 {
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return math.Acos(max(-1, min(1, dot/math.Sqrt(aa*bb))))
}
