package identity_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"text/tabwriter"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

const matrixFile = "testdata/matrix.txt"

// Who may do what by built-in roles is written down, so that every change of it
// is seen. A column has two signs: in the default tenant, and in another one.
// A super admin is of the default tenant in both.
func TestMatrix(t *testing.T) {
	t.Parallel()
	got := matrix(t)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(matrixFile, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s says something else; if rights were changed on purpose, run the test with UPDATE_GOLDEN=1. Now:\n%s", matrixFile, got)
	}
}

func matrix(t *testing.T) []byte {
	t.Helper()
	d := newWorld(t)
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "default/other")
	for _, role := range identity.BuiltinRoles() {
		fmt.Fprintf(w, "\t%s", role.Name)
		d.person(domain.DefaultTenant, role.Name, domain.Human, role.Name)
		d.person("acme", role.Name, domain.Human, role.Name)
	}
	for _, action := range append([]string{identity.ActionKnown, identity.ActionOwn}, names(identity.Actions())...) {
		fmt.Fprintf(w, "\n%s", action)
		for _, role := range identity.BuiltinRoles() {
			here := domain.Actor{Tenant: domain.DefaultTenant, ID: role.Name, Kind: domain.Human}
			other := domain.Actor{Tenant: "acme", ID: role.Name, Kind: domain.Human}
			if role.Name == identity.RoleSuperAdmin {
				other.Home = domain.DefaultTenant
			}
			fmt.Fprintf(w, "\t%s%s", sign(d, here, action), sign(d, other, action))
		}
	}
	fmt.Fprintln(w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func names(actions []identity.Action) []string {
	var all []string
	for _, a := range actions {
		all = append(all, a.Name)
	}
	return all
}

func sign(d *world, by domain.Actor, action string) string {
	if d.Decide(by, action, identity.Resource{}, instant(2)).Allowed {
		return "+"
	}
	return "-"
}
