package memory_test

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/domain/memory"
)

// half is the value of a float16 by its definition (IEEE 754-2019, 3.4).
func half(bits uint16) float64 {
	sign, exponent, fraction := 1-2*float64(bits>>15), int(bits>>10&0x1f), float64(bits&0x3ff)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	default:
		return sign * math.Ldexp(1024+fraction, exponent-25)
	}
}

func one(bits uint16) string {
	return base64.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint16(nil, bits))
}

// Every one of the 65,536 patterns: a finite one is its value and is written
// as it was, minus zero too; another is refused.
func TestEveryFloat16(t *testing.T) {
	t.Parallel()
	finite := 0
	for p := range 1 << 16 {
		bits := uint16(p)
		want := half(bits)
		v, err := memory.DecodeVector(one(bits), 1)
		if math.IsNaN(want) || math.IsInf(want, 0) {
			if err == nil {
				t.Errorf("%#04x was decoded: %v", bits, v)
			}
			continue
		}
		finite++
		if err != nil || float64(v[0]) != want || math.Signbit(float64(v[0])) != math.Signbit(want) {
			t.Fatalf("%#04x: %v, %v; want %v", bits, v, err, want)
		}
		if s, err := memory.EncodeVector(v); err != nil || s != one(bits) {
			t.Fatalf("%#04x is written as %s, %v", bits, s, err)
		}
	}
	if finite != 2*31*1024 {
		t.Errorf("%d are finite", finite)
	}
}

// Between two neighbours the nearer is taken, half way the even one.
func TestRoundsToTheNearestEven(t *testing.T) {
	t.Parallel()
	for bits := uint16(0); bits < 0x7bff; bits++ {
		low, high := half(bits), half(bits+1)
		middle, even := float32((low+high)/2), bits+bits&1
		for x, want := range map[float32]uint16{
			middle:                                  even,
			math.Nextafter32(middle, float32(low)):  bits,
			math.Nextafter32(middle, float32(high)): bits + 1,
		} {
			if s, err := memory.EncodeVector(memory.Vector{x}); err != nil || s != one(want) {
				t.Fatalf("%g, between %g and %g, is %s, %v; want %#04x", x, low, high, s, err, want)
			}
			if s, err := memory.EncodeVector(memory.Vector{-x}); err != nil || s != one(want|0x8000) {
				t.Fatalf("%g is %s, %v", -x, s, err)
			}
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	largest := math.Nextafter32(65520, 0)
	if s, err := memory.EncodeVector(memory.Vector{largest, -largest}); err != nil || s != "/3v/+w==" {
		t.Errorf("the largest: %s, %v", s, err)
	}
	for _, v := range []memory.Vector{nil, {nan}, {1, inf}, {-inf, 1}, {65520}, {-65520}, {math.MaxFloat32}, make(memory.Vector, memory.MaxDimensions+1)} {
		if s, err := memory.EncodeVector(v); err == nil {
			t.Errorf("%.5v is %s", v, s)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for s, dims := range map[string]int{
		"": 1, "ADw": 1, "ADw=\n": 1, "ADw=AA==": 1, "ADx=": 1, "A\nDw=": 1, "AD-_": 1, "ADwAPAA8": 2, "ADwA": 2, "AHw=": 1, "Afw=": 1, "ADwAPA==": -2,
	} {
		if v, err := memory.DecodeVector(s, dims); err == nil {
			t.Errorf("%q of %d is %v", s, dims, v)
		}
	}
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, v := range []memory.Vector{nil, {}, {0, 0}, {nan, 1}, {inf, 1}} {
		if got, err := memory.Normalise(v); err == nil {
			t.Errorf("%v is %v", v, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := memory.Vector(rapid.SliceOfN(rapid.Float32(), 1, 50).Draw(t, "v"))
		got, err := memory.Normalise(v)
		if err != nil {
			return
		}
		var sum, longest float64
		for n, x := range got {
			sum += float64(x) * float64(x)
			longest = max(longest, math.Abs(float64(v[n])))
			if x != 0 && math.Signbit(float64(x)) != math.Signbit(float64(v[n])) {
				t.Fatalf("turned round: %v from %v", got, v)
			}
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Fatalf("length %g of %v", math.Sqrt(sum), v)
		}
	})
	if got, err := memory.Normalise(memory.Vector{3, -4}); err != nil || got[0] != 0.6 || got[1] != -0.8 {
		t.Errorf("%v, %v", got, err)
	}
}
