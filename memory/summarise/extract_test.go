package summarise_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hivemesh/hivemesh/memory/summarise"
)

func extract(t testing.TB, size int, texts ...string) string {
	t.Helper()
	got, err := summarise.Extractive{}.Summarise(t.Context(), texts, size)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// What the texts agree on is kept, once, and in their order.
func TestExtractKeepsWhatIsShared(t *testing.T) {
	t.Parallel()
	got := extract(t, 120,
		"The deploy failed since the registry was down. I had coffee.",
		"Deploy to staging failed again: registry down. Lunch was late.",
		"The registry came back and the deploy worked.",
		"I had coffee.")
	if !strings.Contains(got, "registry") || strings.Contains(got, "Lunch") || strings.Count(got, "coffee") > 1 || len(got) > 120 {
		t.Errorf("%q", got)
	}
	first, last := strings.Index(got, "failed"), strings.Index(got, "came back")
	if last >= 0 && first > last {
		t.Errorf("not in their order: %q", got)
	}
}

func TestExtractOfLittle(t *testing.T) {
	t.Parallel()
	for _, texts := range [][]string{nil, {""}, {"... !? \n"}, {"a b c"}} {
		if got := extract(t, 1000, texts...); got != "" {
			t.Errorf("%q of %q", got, texts)
		}
	}
	if got := extract(t, 5, "A sentence that does not fit."); got != "" {
		t.Errorf("%q", got)
	}
}

func TestExtractStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (summarise.Extractive{}).Summarise(ctx, []string{"something to say"}, 100); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Every line of a summary stands in the texts, no line twice, within the size.
func FuzzExtract(f *testing.F) {
	f.Add("One thing happened. Another thing happened! Why?\nNobody knows.", "Another thing happened!", uint16(40))
	f.Add("Ünïcode … 世界世界世界世界。", "\x00\xff", uint16(9))
	f.Fuzz(func(t *testing.T, a, b string, size uint16) {
		got := extract(t, int(size), a, b)
		if len(got) > int(size) || utf8.ValidString(a+b) && !utf8.ValidString(got) {
			t.Fatalf("%d bytes of %d: %q", len(got), size, got)
		}
		seen := map[string]bool{}
		for line := range strings.SplitSeq(got, "\n") {
			if seen[line] || !strings.Contains(a, line) && !strings.Contains(b, line) {
				t.Fatalf("%q is not in the texts, or twice", line)
			}
			seen[line] = true
		}
		if again := extract(t, int(size), a, b); again != got {
			t.Fatalf("%q, then %q", got, again)
		}
	})
}
