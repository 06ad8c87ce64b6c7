package otp_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/auth/otp"
)

func TestRecoveryCodesAreReadable(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}$`)
	codes, seen := otp.NewRecoveryCodes(200), map[string]bool{}
	if len(codes) != 200 {
		t.Fatalf("%d codes", len(codes))
	}
	for _, c := range codes {
		if !form.MatchString(c) || seen[c] {
			t.Errorf("code %s, seen before: %v", c, seen[c])
		}
		seen[c] = true
	}
}

// TestMatchRecovery: each code matches its index however it is typed, and
// nothing else matches.
func TestMatchRecovery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		codes := otp.NewRecoveryCodes(10)
		set := otp.Verifiers(codes)
		i := rapid.IntRange(0, 9).Draw(t, "index")
		typed := retype(t, codes[i])
		if got := otp.MatchRecovery(set, typed); got != i {
			t.Fatalf("%q for %q matches %d, want %d", typed, codes[i], got, i)
		}
		wrong := []byte(codes[i])
		at := rapid.IntRange(0, 3).Draw(t, "at")
		wrong[at] = otherThan(wrong[at])
		if got := otp.MatchRecovery(set, string(wrong)); got != -1 {
			t.Fatalf("%q for %q matches %d", wrong, codes[i], got)
		}
		if got := otp.MatchRecovery(otp.Verifiers(otp.NewRecoveryCodes(10)), codes[i]); got != -1 {
			t.Fatalf("matches %d of another set", got)
		}
		set.Sums[i] = nil
		if got := otp.MatchRecovery(set, codes[i]); got != -1 {
			t.Fatalf("a spent code matches %d", got)
		}
	})
}

// retype returns code as a person might type it.
func retype(t *rapid.T, code string) string {
	var b strings.Builder
	for _, c := range code {
		like := string(c)
		switch c {
		case '0':
			like = rapid.SampledFrom([]string{"0", "O", "o"}).Draw(t, "zero")
		case '1':
			like = rapid.SampledFrom([]string{"1", "I", "i", "L", "l"}).Draw(t, "one")
		case '-':
			like = rapid.SampledFrom([]string{"-", "", " ", " - "}).Draw(t, "hyphen")
		}
		if rapid.Bool().Draw(t, "lower") {
			like = strings.ToLower(like)
		}
		b.WriteString(like)
	}
	return b.String()
}

func otherThan(c byte) byte {
	if c == '7' {
		return '8'
	}
	return '7'
}

func TestMatchRecoveryRefusesWhatIsNoCode(t *testing.T) {
	t.Parallel()
	codes := otp.NewRecoveryCodes(1)
	set := otp.Verifiers(codes)
	for _, c := range []string{"", "-", codes[0][:28], codes[0] + "0", codes[0] + strings.Repeat(" ", 60), strings.Repeat("0", 1<<20)} {
		if got := otp.MatchRecovery(set, c); got != -1 {
			t.Errorf("%.40q matches %d", c, got)
		}
	}
	if got := otp.MatchRecovery(otp.Recovery{}, codes[0]); got != -1 {
		t.Errorf("an empty set matches %d", got)
	}
}

func TestASetGoesThroughJSONWithoutItsCodes(t *testing.T) {
	t.Parallel()
	codes := otp.NewRecoveryCodes(10)
	text, err := json.Marshal(otp.Verifiers(codes))
	if err != nil {
		t.Fatal(err)
	}
	var set otp.Recovery
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	for i, c := range codes {
		if strings.Contains(string(text), c) || otp.MatchRecovery(set, c) != i {
			t.Errorf("code %d", i)
		}
	}
	if same := otp.Verifiers(codes); string(same.Salt) == string(set.Salt) || string(same.Sums[0]) == string(set.Sums[0]) {
		t.Error("two sets of the same codes have the same verifiers")
	}
}
