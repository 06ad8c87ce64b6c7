package otp_test

import (
	"encoding/base32"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/auth/otp"
	"github.com/hivemesh/hivemesh/domain"
)

// rfcSecret is the seed of RFC 6238, appendix B, for SHA-1.
func rfcSecret() string { return base32.StdEncoding.EncodeToString([]byte("12345678901234567890")) }

func code(t rapid.TB, secret string, step int64) string {
	t.Helper()
	c, err := otp.Generate(secret, step)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestVectorsOfRFC6238(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		unix int64
		code string
	}{
		{59, "94287082"},
		{1111111109, "07081804"},
		{1111111111, "14050471"},
		{1234567890, "89005924"},
		{2000000000, "69279037"},
		{20000000000, "65353130"},
	} {
		got, err := otp.Generate8(rfcSecret(), v.unix/30)
		if err != nil || got != v.code {
			t.Errorf("at %d: %s, %v, want %s", v.unix, got, err, v.code)
		}
		step, ok := otp.Check(rfcSecret(), v.code[2:], time.Unix(v.unix, 0), 0)
		if !ok || step != v.unix/30 {
			t.Errorf("Check at %d = %d, %v, want %d", v.unix, step, ok, v.unix/30)
		}
	}
}

func TestTheWindowIsOneStepToEitherSide(t *testing.T) {
	t.Parallel()
	secret := rfcSecret()
	const step = 41152263 // 1234567890 / 30
	for _, c := range []struct {
		of, at int64 // steps
		want   bool
	}{
		{step, step - 2, false},
		{step, step - 1, true},
		{step, step, true},
		{step, step + 1, true},
		{step, step + 2, false},
	} {
		for _, second := range []int64{0, 29} {
			got, ok := otp.Check(secret, code(t, secret, c.of), time.Unix(c.at*30+second, 0), 0)
			if ok != c.want || ok && got != step {
				t.Errorf("the code of step %d at step %d, second %d: %d, %v", c.of, c.at, second, got, ok)
			}
		}
	}
}

func TestACodeIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := otp.NewSecret()
		now := time.Unix(rapid.Int64Range(60, 1<<35).Draw(t, "now"), 0)
		last, used := int64(0), map[int64]bool{}
		for range rapid.IntRange(1, 20).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "later")) * time.Second)
			of := now.Unix()/30 + rapid.Int64Range(-3, 3).Draw(t, "of")
			step, ok := otp.Check(secret, code(t, secret, of), now, last)
			if ok && (step <= last || used[step]) {
				t.Fatalf("step %d accepted after %d", step, last)
			}
			if ok {
				last, used[step] = step, true
			}
		}
	})
}

func TestCheckRefusesWhatIsNoCode(t *testing.T) {
	t.Parallel()
	secret, now := rfcSecret(), time.Unix(1234567890, 0) // 005924
	for _, c := range []string{"", " ", "5924", "0005924", "89005924", "005925", "00592x", "٠٠٥٩٢٤", "005924\n", "-05924", strings.Repeat(" ", 11) + "005924"} {
		if step, ok := otp.Check(secret, c, now, 0); ok {
			t.Errorf("%q accepted for step %d", c, step)
		}
	}
	for _, c := range []string{"005924", "005 924", " 005924 "} {
		if _, ok := otp.Check(secret, c, now, 0); !ok {
			t.Errorf("%q refused", c)
		}
	}
	for _, s := range []string{"!", "1", otp.NewSecret()} {
		if _, ok := otp.Check(s, "005924", now, 0); ok {
			t.Errorf("accepted under the secret %q", s)
		}
	}
	if _, ok := otp.Check(secret, "005924", time.Unix(-1<<40, 0), 0); ok {
		t.Error("accepted before the epoch")
	}
}

// TestOfTwoStepsTheLaterCounts: a code that fits two steps of the window is
// accepted for the later, so that it cannot come a second time.
func TestOfTwoStepsTheLaterCounts(t *testing.T) {
	t.Parallel()
	secret := rfcSecret()
	const from, to = 1, 4_000_000
	prev2, prev := "", ""
	for s := int64(from); s < to; s++ {
		c := code(t, secret, s)
		if c == prev || c == prev2 {
			step, ok := otp.Check(secret, c, time.Unix((s-1)*30, 0), 0)
			if !ok || step != s {
				t.Fatalf("Check = %d, %v, want %d", step, ok, s)
			}
			if _, ok := otp.Check(secret, c, time.Unix(s*30, 0), step); ok {
				t.Fatal("accepted again")
			}
			return
		}
		prev2, prev = prev, c
	}
	t.Fatalf("no code comes twice within three steps before step %d", to)
}

func TestNewSecret(t *testing.T) {
	t.Parallel()
	a, b := otp.NewSecret(), otp.NewSecret()
	raw, err := base32.StdEncoding.DecodeString(a)
	if err != nil || len(raw) != 20 || a == b {
		t.Fatalf("%d bytes, %v, twice the same: %v", len(raw), err, a == b)
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	secret := rfcSecret()
	text, err := otp.URL("Hive mesh", "ann@example.org", secret)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Hive mesh:ann@example.org" || strings.Contains(text, "+") {
		t.Errorf("URL = %s", text)
	}
	want := url.Values{"secret": {secret}, "issuer": {"Hive mesh"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	if diff := cmp.Diff(want, u.Query()); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct{ issuer, account, secret, code string }{
		{"", "ann", secret, "invalid_field"},
		{"a:b", "ann", secret, "invalid_field"},
		{"Hivemesh", "", secret, "invalid_field"},
		{"Hivemesh", "a:b", secret, "invalid_field"},
		{"Hivemesh", "ann", "SHORT", "bad_secret"},
		{"Hivemesh", "ann", "", "bad_secret"},
	} {
		var e *domain.Error
		if _, err := otp.URL(c.issuer, c.account, c.secret); !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("URL(%q, %q, %q) = %v, want %s", c.issuer, c.account, c.secret, err, c.code)
		}
	}
}
