package embed_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/memory/embed"
)

func TestUnit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want []float32 }{
		{[]float32{3, 4}, []float32{0.6, 0.8}},
		{[]float32{-2}, []float32{-1}},
		{[]float32{math.MaxFloat32, 0}, []float32{1, 0}},
		{[]float32{0, math.SmallestNonzeroFloat32}, []float32{0, 1}},
	} {
		if err := embed.Unit(tt.in); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(tt.want, tt.in); diff != "" {
			t.Error(diff)
		}
	}
}

func TestUnitOfWhatIsNoDirection(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, v := range [][]float32{nil, {0, 0}, {1, nan}, {inf}, {-inf, 1}} {
		var f *embed.Failure
		if err := embed.Unit(v); !errors.As(err, &f) || f.Code != embed.BadAnswer || !f.Retry {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func TestFailureSays(t *testing.T) {
	t.Parallel()
	f := &embed.Failure{Status: 429, Reason: "too many requests"}
	if s := f.Error(); !strings.Contains(s, "429") || !strings.Contains(s, "too many") {
		t.Error(s)
	}
}
