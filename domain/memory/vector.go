package memory

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"

	"github.com/hivemesh/hivemesh/domain"
)

// MaxDimensions is the most numbers that a vector may have: no more can be
// indexed by pgvector's halfvec.
const MaxDimensions = 4000

// Vector is what a model makes of a text: near texts have near vectors.
type Vector []float32

// EncodeVector returns v as base64 (RFC 4648, with padding) of little-endian
// float16 (IEEE 754 binary16), each number rounded to the nearest, ties to
// even. It fails with an Invalid error when v does not have 1 to MaxDimensions
// numbers, or one of them is not finite as a float16.
func EncodeVector(v Vector) (string, error) {
	if err := checkDimensions(len(v)); err != nil {
		return "", err
	}
	data := make([]byte, 0, 2*len(v))
	for n, x := range v {
		h := toHalf(x)
		if !finite(h) {
			return "", domain.InvalidField("vector", "number %d, %g, is not finite as a float16", n, x)
		}
		data = binary.LittleEndian.AppendUint16(data, h)
	}
	return base64.StdEncoding.EncodeToString(data), nil
}

// DecodeVector returns the vector of dims numbers that EncodeVector wrote. It
// fails with an Invalid error when s is anything else.
func DecodeVector(s string, dims int) (Vector, error) {
	if err := checkDimensions(dims); err != nil {
		return nil, err
	}
	if len(s) != base64.StdEncoding.EncodedLen(2*dims) {
		return nil, domain.InvalidField("vector", "is not base64 of %d dimensions, 2 bytes each", dims)
	}
	data, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(data) != 2*dims {
		return nil, domain.InvalidField("vector", "is not base64 of %d dimensions, 2 bytes each", dims)
	}
	v := make(Vector, dims)
	for n := range v {
		h := binary.LittleEndian.Uint16(data[2*n:])
		if !finite(h) {
			return nil, domain.InvalidField("vector", "number %d is not finite", n)
		}
		v[n] = fromHalf(h)
	}
	return v, nil
}

// Normalise returns v at length 1. It fails when v has no direction: when it is
// empty or all zero, or when a number is not finite.
func Normalise(v Vector) (Vector, error) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 0) { // false for NaN
		return nil, errors.New("normalise a vector: it has no direction")
	}
	length := math.Sqrt(sum)
	out := make(Vector, len(v))
	for n, x := range v {
		out[n] = float32(float64(x) / length)
	}
	return out, nil
}

func checkDimensions(dims int) error {
	if dims < 1 || dims > MaxDimensions {
		return domain.InvalidField("dimensions", "%d is not between 1 and %d", dims, MaxDimensions)
	}
	return nil
}

// A float16 has a sign, 5 bits of exponent with bias 15, and 10 of fraction; a
// float32 a sign, 8 bits with bias 127, and 23.
const (
	halfExponent = 0x7c00
	halfFraction = 0x03ff
)

func finite(h uint16) bool { return h&halfExponent != halfExponent }

// fromHalf is exact: every float16 is a float32.
func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h&0x8000)<<16, uint32(h&halfExponent)>>10, uint32(h&halfFraction)
	switch exponent {
	case 0: // zero and subnormal: fraction * 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 31: // infinite or not a number
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	default:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
	}
}

// toHalf rounds to the nearest float16, ties to even; what is too large
// becomes infinite.
func toHalf(x float32) uint16 {
	bits := math.Float32bits(x)
	sign, magnitude := uint16(bits>>16)&0x8000, math.Float32frombits(bits&0x7fffffff)
	switch {
	case magnitude != magnitude:
		return sign | halfExponent | 0x200
	case magnitude >= 65520: // half way from the largest, 65504, to 2^16
		return sign | halfExponent
	case magnitude < 0x1p-14: // subnormal: a whole number of 2^-24
		return sign | uint16(math.RoundToEven(float64(magnitude)*0x1p24))
	}
	// Rounding may carry from the fraction into the exponent, which is right.
	rest := math.Float32bits(magnitude)
	rest += 0xfff + rest>>13&1
	return sign | uint16(rest>>13-(127-15)<<10)
}
