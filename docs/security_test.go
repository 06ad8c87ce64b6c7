package docs_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api"
	"github.com/hivemesh/hivemesh/auth/limit"
	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/auth/token"
)

// TestSecurityPageHasTheNumbers: the limits that security.md tells are those of
// the code.
func TestSecurityPageHasTheNumbers(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	l, params := api.DefaultLimits(), password.DefaultParams()
	var sentences []string
	add := func(format string, values ...any) { sentences = append(sentences, fmt.Sprintf(format, values...)) }
	add("argon2id (%d MiB, %s passes)", params.Memory>>10, word(int(params.Passes)))
	add("signed with Ed25519, %.0f minutes", token.Lifetime.Minutes())
	add("rotated every %.0f days", login.RotateAfter.Hours()/24)
	add("%d at once, one every %s seconds |", l.Failures.Burst, word(int(1/l.Failures.PerSecond)))
	add("| `--rate-address`, %d at once, %s a second |", l.Address.Burst, word(int(l.Address.PerSecond)))
	add("| `--rate-principal` (%.0f a second), `--rate-tenant` (none) |", l.Principal.PerSecond)
	if l.Tenant != (limit.Quota{}) {
		t.Errorf("tenants have a quota of %v", l.Tenant)
	}
	failures, first := failuresUntilWait()
	add("| %s, then %.0f s, 2 s, 4 s … 15 min |", word(failures), first.Seconds())
	for _, s := range sentences {
		if !strings.Contains(string(page), s) {
			t.Errorf("security.md does not say %q", s)
		}
	}
	least, most := passwordBounds(t)
	if want := fmt.Sprintf("Passwords have %d to %d characters of any kind", least, most); !strings.Contains(string(page), want) {
		t.Errorf("security.md does not say %q", want)
	}
}

func word(n int) string { return []string{"no", "one", "two", "three", "four", "five", "six"}[n] }

// failuresUntilWait returns how many wrong passwords from one place are
// answered before the next one waits, and how long that is.
func failuresUntilWait() (failures int, first time.Duration) {
	lockout := limit.NewLockout(limit.LockoutConfig{})
	for first == 0 {
		failures++
		_, first = lockout.Failed("acme/ann", netip.MustParseAddr("192.0.2.1"))
	}
	return failures, first
}

// passwordBounds tries passwords of every length of the policy that the mesh has.
func passwordBounds(t *testing.T) (least, most int) {
	t.Helper()
	p, err := password.NewPolicy(password.PolicyConfig{Product: "hivemesh"})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("vivid otter lamp ", 20)
	for n := range len(long) {
		if p.Check(t.Context(), "ann", long[:n]) != nil {
			continue
		}
		if most = n; least == 0 {
			least = n
		}
	}
	return least, most
}
