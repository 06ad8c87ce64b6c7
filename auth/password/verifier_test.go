package password_test

import (
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/domain"
)

// golden is of "password", by phc-winner-argon2.
const golden = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

func TestVerifiersThatAreRefused(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Config{Params: cheap})
	swap := func(old, text string) string {
		if !strings.Contains(golden, old) {
			t.Fatalf("%s is not in the golden verifier", old)
		}
		return strings.Replace(golden, old, text, 1)
	}
	for name, text := range map[string]string{
		"empty":             "",
		"no parts":          "$$$$$",
		"other function":    swap("argon2id", "argon2i"),
		"bcrypt":            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
		"older version":     swap("v=19", "v=16"),
		"no version":        swap("$v=19", ""),
		"memory bomb":       swap("m=256", "m=4294967295"),
		"over the bound":    swap("m=256", "m=131073"),
		"memory overflow":   swap("m=256", "m=4294967552"),
		"negative":          swap("m=256", "m=-256"),
		"hex":               swap("m=256", "m=0x100"),
		"leading zero":      swap("m=256", "m=0256"),
		"leading plus":      swap("m=256", "m=+256"),
		"underscore":        swap("m=256", "m=2_56"),
		"too little memory": swap("m=256", "m=7"),
		"no passes":         swap("t=2", "t=0"),
		"many passes":       swap("t=2", "t=17"),
		"no lanes":          swap("p=1", "p=0"),
		"many lanes":        swap("p=1", "p=17"),
		"lanes overflow":    swap("p=1", "p=257"),
		"lanes of memory":   swap("m=256,t=2,p=1", "m=100,t=2,p=16"),
		"other order":       swap("m=256,t=2", "t=2,m=256"),
		"more parameters":   swap("p=1", "p=1,keyid=x"),
		"no salt":           swap("c29tZXNhbHQ", ""),
		"short salt":        swap("c29tZXNhbHQ", "c29tZXNhbA"),
		"long salt":         swap("c29tZXNhbHQ", strings.Repeat("AAAA", 22)),
		"salt not base64":   swap("c29tZXNhbHQ", "c29tZXNhbHQ!!"),
		"padded salt":       swap("c29tZXNhbHQ", "c29tZXNhbHQ=="),
		"loose salt":        swap("c29tZXNhbHQ", "c29tZXNhbHR"),
		"line break":        swap("c29tZXNhbHQ", "c29tZ\nXNhbHQ"),
		"short hash":        swap("CHGi/4", "")[:60],
		"no hash":           golden[:strings.LastIndex(golden, "$")+1],
		"long hash":         golden[:strings.LastIndex(golden, "$")+1] + strings.Repeat("AAAA", 22),
		"end":               golden + "$",
		"space":             golden + " ",
		"start":             "x" + golden,
		"endless":           golden + strings.Repeat("A", 1<<20),
	} {
		_, _, err := h.Verify(t.Context(), text, "password")
		e := failed(t, err, domain.Internal, "bad_verifier")
		if strings.Contains(e.Error(), "c29tZX") {
			t.Errorf("%s: the error tells of the verifier: %v", name, e)
		}
	}
}

// FuzzVerifier: what is read is written again as it was, and what is read
// asks for bounded work. The bounds are told here anew.
func FuzzVerifier(f *testing.F) {
	f.Add(golden)
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$AAAA")
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR$")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, text string) {
		again, err := password.Reparse(text)
		if err != nil {
			failed(t, err, domain.Internal, "bad_verifier")
			return
		}
		if again != text {
			t.Fatalf("%q is read as %q", text, again)
		}
		params := strings.FieldsFunc(strings.Split(text, "$")[3], func(r rune) bool { return r < '0' || r > '9' })
		for i, digits := range []int{6, 2, 2} {
			if len(params[i]) > digits {
				t.Fatalf("%q asks for too much", text)
			}
		}
	})
}
