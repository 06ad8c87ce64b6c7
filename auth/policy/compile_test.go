package policy_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/auth/policy"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	when := func(condition string) string {
		return "forbid (principal, action, resource) when { " + condition + " };"
	}
	cases := map[string]struct{ text, want string }{
		"empty":                  {"", "has 0 bytes, 1 to 16384 allowed"},
		"too long":               {strings.Repeat(" ", identity.MaxPolicyText+1), "has 16385 bytes"},
		"not UTF-8":              {"// \xff\n" + forbidAll, "is not valid UTF-8"},
		"only a comment":         {"// nothing\n", "holds 0 statements"},
		"too many statements":    {strings.Repeat(forbidAll, policy.MaxStatements+1), "holds 65 statements"},
		"as many as may be":      {strings.Repeat(forbidAll, policy.MaxStatements), ""},
		"not Cedar":              {"forbid (principal, action, resource)\nwhen { oops oops };", "2:13"},
		"an open string":         {when(`context.credential == "x`), "literal not terminated"},
		"no such function":       {when(`nope(1)`), "`nope` is not a function"},
		"no such action":         {"\n  " + `forbid (principal, action == Action::"task.sumbit", resource);`, `the statement at line 2, column 3 names the action "task.sumbit", which there is not`},
		"no such action in list": {`forbid (principal, action in [Action::"task.submit", Action::"x"], resource);`, `names the action "x"`},
		"no such action inside":  {when(`action == Action::"x"`), `names the action "x"`},
		"one action for many":    {`forbid (principal, action == Action::"task.*", resource);`, "write action in"},
		"a family":               {`forbid (principal, action in Action::"task.*", resource);`, ""},
		"no such principal":      {`forbid (principal is Human, action, resource);`, `has "Human" as principal`},
		"no such resource":       {`forbid (principal, action, resource is Job);`, `has "Job" as resource`},
		"a resource is no actor": {`forbid (principal == Task::"x", action, resource);`, `has "Task" as principal`},
		"no such type inside":    {when(`resource in [Task::"a", Job::"b"]`), `names the entity type "Job"`},
		"no such type with is":   {when(`resource is Job`), `names the entity type "Job"`},
		"no such attribute":      {when(`context.addr.isLoopback()`), "asks for context.addr: there is acting_for, address"},
		"no such attribute: has": {when(`principal has rolls`), "asks for principal.rolls"},
		"a role":                 {`forbid (principal in Role::"developer", action, resource);`, ""},
		"an address":             {when(`context has address && context.address.isInRange(ip("10.0.0.0/8"))`), ""},
		"no address":             {when(`context.address.isInRange(ip("10.0.0.0/99"))`), `has ip("10.0.0.0/99"), which is none`},
		"no duration":            {when(`context.time.toTime() > duration("ten")`), `has duration("ten"), which is none`},
		"a label":                {when(`resource.labels has "a/b" && resource.labels["a/b"] == "x"`), ""},
		"a permit of roles' own": {`permit (principal, action == Action::"role.grant", resource);`, "permits role.grant, which is given by roles alone"},
		"a forbid of it":         {`forbid (principal, action == Action::"role.grant", resource);`, ""},
		"deep brackets":          {when(strings.Repeat("(", 65) + "true" + strings.Repeat(")", 65)), "more than 64 brackets"},
		"brackets in a string":   {when(`context.credential == "` + strings.Repeat("(", 100) + `\"["`), ""},
		"brackets in a comment":  {"// \"" + strings.Repeat("(", 100) + "\n" + forbidAll, ""},
		"deep names":             {when("resource has " + strings.Repeat("task.", 100) + "x"), "more than 64 names joined by dots"},
		"a comment in a name":    {when("resource has " + strings.Repeat("task.//\n", 100) + "x"), "more than 64 names joined by dots"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := policy.Check(c.text)
			var e *domain.Error
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.As(err, &e) || e.Kind != domain.Invalid || e.Field != "text" || !strings.Contains(e.Message, c.want)):
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// The examples of the documentation are policies, and it names every word.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(data), "```cedar\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		if err := policy.Check(text); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
	for _, word := range policy.Words() {
		if !strings.Contains(string(data), "`"+word+"`") {
			t.Errorf("docs/policies.md does not explain `%s`", word)
		}
	}
}

func TestNewSetTellsWhichPolicy(t *testing.T) {
	t.Parallel()
	set, err := policy.NewSet(map[string]string{"a": forbidAll, "b": "nonsense"})
	var e *domain.Error
	if !errors.As(err, &e) || e.Field != "policies.b" {
		t.Errorf("%v", err)
	}
	if v := set.Evaluate(policy.Request{Action: "task.read"}); v.Effect != policy.Forbids || v.Policy != "b" {
		t.Errorf("%+v", v)
	}
}

// FuzzCompile holds every text against two promises: no panic, neither when it
// is read nor when it is asked, and an end within a bounded time.
func FuzzCompile(f *testing.F) {
	for _, text := range []string{
		forbidAll, permitAll, `@id("x") permit (principal in Role::"a", action in [Action::"task.submit"], resource is Task in Task::"x") when { if true then resource.queue like "a*b*" else !(-1 < 2) } unless { context has address };`,
		"forbid (principal, action, resource) when { " + strings.Repeat("!", 5000) + "true };",
		"forbid (principal, action, resource) when { " + strings.Repeat("if true then ", 1000),
		"forbid (principal, action, resource) when { resource has " + strings.Repeat("a.", 7000) + "b };",
		"forbid (principal, action, resource) when { " + strings.Repeat("[{\"a\":", 2000),
		"forbid (principal, action, resource) when { " + strings.Repeat(`resource.labels has "a" && `, 500) + "true };",
		"forbid (principal, action, resource) when { [" + strings.Repeat("1,", 7000) + "].containsAll([1]) };",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		err := policy.Check(text)
		var e *domain.Error
		if err != nil && (!errors.As(err, &e) || e.Kind != domain.Invalid) {
			t.Errorf("%v", err)
		}
		if set, err := policy.NewSet(map[string]string{"p": text}); err == nil {
			set.Evaluate(policy.Request{Action: "task.submit", Resource: task("q", map[string]string{"a": "b"}), Context: policy.Context{Time: began}})
		}
		if took := time.Since(began); took > 3*time.Second { // far beyond what it takes, for machines that do other work too
			t.Errorf("%d bytes took %s", len(text), took)
		}
	})
}
