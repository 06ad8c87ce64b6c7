package otp

import (
	"net/url"
	"testing"
	"time"

	"github.com/pquerna/otp"
)

// The vectors of RFC 6238, appendix B, for SHA-1.
func TestVectors(t *testing.T) {
	t.Parallel()
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got, err := codeAt([]byte("12345678901234567890"), at/period, otp.DigitsEight); err != nil || got != want {
			t.Errorf("at %d: %s, %v; want %s", at, got, err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	secret, now := NewSecret(), time.Unix(1_800_000_015, 0)
	step := now.Unix() / period
	code := func(step int64) string {
		c, err := codeAt(secret, step, digits)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for name, c := range map[string]struct {
		code string
		last int64
		ok   bool
	}{
		"now":            {code(step), 0, true},
		"a step ago":     {code(step - 1), 0, true},
		"a step ahead":   {code(step + 1), 0, true},
		"two steps ago":  {code(step - 2), 0, false},
		"two ahead":      {code(step + 2), 0, false},
		"used before":    {code(step), step, false},
		"older than one": {code(step - 1), step, false},
		"after the last": {code(step + 1), step, true},
		"too short":      {code(step)[:5], 0, false},
		"nothing":        {"", 0, false},
		"another seed's": {"000000", step + 1, false},
	} {
		if got, ok := Check(secret, c.code, now, c.last); ok != c.ok || ok && got <= c.last {
			t.Errorf("%s: %d, %v", name, got, ok)
		}
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	secret := NewSecret()
	u, err := url.Parse(URL("Hivemesh", "alice/ops", secret))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Hivemesh:alice/ops" ||
		u.Query().Get("secret") != Encode(secret) || u.Query().Get("issuer") != "Hivemesh" {
		t.Errorf("%v, %v", u, err)
	}
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	codes, verifiers := NewRecoveryCodes()
	if len(codes) != recoveryCount || len(verifiers) != recoveryCount {
		t.Fatalf("%d codes, %d verifiers", len(codes), len(verifiers))
	}
	for i, c := range codes {
		if got := MatchRecovery(verifiers, c); got != i {
			t.Errorf("%s: %d, want %d", c, got, i)
		}
	}
	for _, wrong := range []string{"", "k7tq-9d3f-w2xm-p5ra", codes[0][:18], verifiers[0]} {
		if got := MatchRecovery(verifiers, wrong); got != -1 {
			t.Errorf("%q matches %d", wrong, got)
		}
	}
	if got := MatchRecovery(verifiers, " "+codes[3][:9]+" "+codes[3][9:]); got != 3 {
		t.Errorf("typed with spaces: %d", got)
	}
}
