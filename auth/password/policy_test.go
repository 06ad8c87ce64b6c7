package password_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/domain"
)

func policy(t rapid.TB, c password.PolicyConfig) *password.Policy {
	t.Helper()
	p, err := password.NewPolicy(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// says checks that err is about the field password, holds want, and does not
// tell the password.
func says(t rapid.TB, err error, want, text string) {
	t.Helper()
	if err == nil {
		t.Errorf("%.40q passes, want a refusal about %q", text, want)
		return
	}
	e := failed(t, err, domain.Invalid, "invalid_field")
	if e.Field != "password" || !strings.Contains(e.Message, want) {
		t.Errorf("%.40q: %v, want one about %q", text, e, want)
	}
	if text != "" && strings.Contains(strings.ToLower(e.Error()), strings.ToLower(text)) && len(text) > 8 {
		t.Errorf("%.40q is told: %v", text, e)
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	p := policy(t, password.PolicyConfig{Product: "Hivemesh"})
	const login = "ann.smith@example.org"
	for _, c := range []struct{ text, want string }{
		{"", "at least 12"},
		{"vivid-otter", "at least 12"},
		{"éééééé", "at least 12"},                                     // 12 bytes
		{"e\u0301a\u0301o\u0301u\u0301i\u0301y\u0301", "at least 12"}, // 12 code points before normalisation
		{strings.Repeat("vivid-otter ", 11), "at most 128"},
		{strings.Repeat("vivid-otter ", 1000), "at most 128"},
		{"vivid-otter-\xff", "UTF-8"},
		{"my ANN.Smith password", "login"},
		{"xx ann.smith@EXAMPLE.org", "login"},
		{"I love HiveMesh!", "Hivemesh"},
		{"aaaaaaaaaaaa", "first that are tried"},
		{"abcabcabcabc", "first that are tried"},
		{"12341234123412", "first that are tried"},
		{"123456789012", "first that are tried"},
		{"abcdefghijklm", "first that are tried"},
		{"9876543210987", "first that are tried"},
		{"qwertyuiop12", "first that are tried"},
		{"Qwerty123456", "first that are tried"},
		{"1q2w3e4r5t6y", "first that are tried"},
		{"password2024", "first that are tried"},
		{"Password!2024", "first that are tried"},
		{"P@$$w0rd1234", "first that are tried"},
		{"p4ssw0rd!!!!", "first that are tried"},
		{"2024-PASSWORD", "first that are tried"},
		{"passwordpassword", "first that are tried"},
		{"password password", "first that are tried"},
		{"Password1Password1", "first that are tried"},
		{"Adm1n1strator", "first that are tried"},
		{"T0pS3cr3t2024", "first that are tried"},
		{"letmein12345", "first that are tried"},
		{"1l0vey0u2024", "first that are tried"},
		{"correcthorsebatterystaple", "first that are tried"},
		{"CorrectHorseBatteryStaple1", "first that are tried"},
	} {
		says(t, p.Check(t.Context(), login, c.text), c.want, c.text)
	}
	for _, text := range []string{
		"vivid-otters", "otter vivid lamp", "UPPERANDLOWER", "zvqkhmxwtrbn", "ein Haus am See",
		"прыгает лиса", "子丑寅卯辰巳午未申酉戌亥甲", "e\u0301e\u0301 vivid otter", "password manager fan club",
		"   vivid   otter", "8#3!k9$z62?5", strings.Repeat("vivid otter lamp", 8), "🦦🦊🐝🐢🦉🐙🦔🐸🦭🦥🐳🦜",
	} {
		if err := p.Check(t.Context(), login, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTheLoginIsNotThePassword(t *testing.T) {
	t.Parallel()
	p := policy(t, password.PolicyConfig{Min: 8})
	for _, c := range []struct {
		login, text string
		refused     bool
	}{
		{"vivid-otter", "Vivid-Otter", true},
		{"jo", "jolly otters", false}, // too short to count inside
		{"otto", "my otto, mine", true},
		{"otto@example.org", "my otto, mine", true},
		{"jo@example.org", "jolly otters", false},
		{"cafe\u0301", "caf\u00e9 vivid", true},
		{"", "vivid otter", false},
	} {
		if err := p.Check(t.Context(), c.login, c.text); (err != nil) != c.refused {
			t.Errorf("%q for %q: %v", c.text, c.login, err)
		}
	}
}

// TestRandomPasswordsPass: what a password manager makes is not taken for a
// common one.
func TestRandomPasswordsPass(t *testing.T) {
	t.Parallel()
	p := policy(t, password.PolicyConfig{Product: "hivemesh"})
	const printable = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&*+-/=?@_"
	for range 20000 {
		b := make([]byte, 12)
		rand.Read(b)
		for i := range b {
			b[i] = printable[int(b[i])%len(printable)]
		}
		if err := p.Check(t.Context(), "ann@example.org", string(b)); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
	}
}

func TestBreachedIsAskedLast(t *testing.T) {
	t.Parallel()
	gone := errors.New("no route")
	for name, c := range map[string]struct {
		found  bool
		err    error
		strict bool
		code   string
		told   bool
	}{
		"clean":              {},
		"breached":           {found: true, code: "invalid_field"},
		"no answer":          {err: gone, told: true},
		"no answer, strict":  {err: gone, strict: true, code: "breached_unanswered", told: true},
		"found and an error": {found: true, err: gone, told: true},
	} {
		asked, told := "", error(nil)
		p := policy(t, password.PolicyConfig{
			Strict:     c.strict,
			Breached:   func(_ context.Context, text string) (bool, error) { asked = text; return c.found, c.err },
			Unanswered: func(_ context.Context, err error) { told = err },
		})
		err := p.Check(t.Context(), "ann", "short")
		if says(t, err, "at least", "short"); asked != "" {
			t.Errorf("%s: asked about a password that is refused anyway", name)
		}
		err = p.Check(t.Context(), "ann", "cafe\u0301 vivid otter")
		if asked != "caf\u00e9 vivid otter" {
			t.Errorf("%s: asked about %q", name, asked)
		}
		var e *domain.Error
		if code := ""; errors.As(err, &e) {
			if code = e.Code; code != c.code {
				t.Errorf("%s: code %s, want %q", name, code, c.code)
			}
		} else if c.code != "" || err != nil {
			t.Errorf("%s: %v, want code %q", name, err, c.code)
		}
		if (told != nil) != c.told || told != nil && !errors.Is(told, gone) {
			t.Errorf("%s: told %v", name, told)
		}
	}
}

// TestAnEndedContextIsNoWayAroundTheList: nor is a nil Unanswered a defect.
func TestAnEndedContextIsNoWayAroundTheList(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := policy(t, password.PolicyConfig{Breached: func(ctx context.Context, _ string) (bool, error) { return false, ctx.Err() }})
	failed(t, p.Check(ctx, "ann", "cafe vivid otter"), domain.Unavailable, "breached_unanswered")
}

func TestNewPolicyRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []password.PolicyConfig{{Min: 7}, {Min: -1}, {Min: 65}, {Max: 63}, {Max: 257}, {Max: -1}} {
		_, err := password.NewPolicy(c)
		failed(t, err, domain.Invalid, "invalid_field")
	}
}
