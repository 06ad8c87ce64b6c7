package main

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/alecthomas/kong"
)

// meshContext is a mesh under a name: its address, the tenant to act in, and
// where its credential is. The credential itself is not in it.
type meshContext struct {
	URL       string `json:"url"`
	Tenant    string `json:"tenant,omitempty"`
	TokenFile string `json:"token_file,omitempty"`
}

// contextFile is what the command line knows about contexts.
type contextFile struct {
	Current  string                 `json:"current,omitempty"`
	Contexts map[string]meshContext `json:"contexts"`
}

func contextsOf(env environ) kept[contextFile] {
	return kept[contextFile]{path: filepath.Join(configDir(env), "contexts.json")}
}

// chosenContext is the context of one command line. It is in force as a whole
// or not at all, so that the credential of one mesh never goes to another: the
// address that is found first decides, of --url, --context, MESH_URL,
// MESH_CONTEXT, and the context in use.
type chosenContext struct {
	meshContext
	name, source string
	inForce      bool
	byFlag       bool  // named on the command line: the environment does not count
	err          error // why what was named cannot be used
}

// choose finds the context of a command line.
func (s *settings) choose(c *kong.Context) chosenContext {
	flag := given(c, "context")
	name := cmp.Or(flag, s.env.get("MESH_CONTEXT"))
	chosen := chosenContext{name: name, source: "environment MESH_CONTEXT", byFlag: flag != ""}
	if chosen.byFlag {
		chosen.source = "flag"
	}
	if given(c, "url") != "" || !chosen.byFlag && s.env.get("MESH_URL") != "" {
		return chosenContext{}
	}
	file := contextsOf(s.env)
	all, err := file.read()
	switch {
	case err != nil:
		chosen.err = err
		return chosen
	case name == "" && all.Current == "":
		return chosenContext{}
	case name == "":
		chosen.name, chosen.source = all.Current, "file "+file.path
	}
	chosen.meshContext, chosen.inForce = all.Contexts[chosen.name]
	if !chosen.inForce {
		chosen.err = noContext(chosen.name)
	}
	return chosen
}

// setting returns what the context says about a flag; ok is false when the
// context leaves that flag to others.
func (c chosenContext) setting(flag string) (value, source string, ok bool) {
	if !c.inForce {
		return "", "", false
	}
	source = "context " + c.name
	switch flag {
	case "url":
		return c.URL, source, true
	case "tenant":
		return c.Tenant, source, true
	case "token":
		return "", source, true // read when it is needed
	}
	return "", "", false
}

// token returns the credential that the context names, "" when it names none.
func (c chosenContext) token() (string, error) {
	if c.TokenFile == "" {
		return "", nil
	}
	token, err := readLine(c.TokenFile)
	if err == nil && token == "" {
		err = &failure{Exit: exitDenied, Code: "no_credential", Message: fmt.Sprintf("the context %s names the credential in %s, and there is none", c.name, c.TokenFile)}
	}
	return token, err
}

// given returns a root flag as it stands on the command line, else "".
func given(c *kong.Context, name string) string {
	for _, p := range c.Path {
		if p.Flag != nil && p.Flag.Name == name && !p.Resolved {
			if v, ok := c.FlagValue(p.Flag).(string); ok {
				return v
			}
		}
	}
	return ""
}

func noContext(name string) *failure {
	return &failure{Exit: exitNotFound, Code: "context_not_found", Field: "context", Message: fmt.Sprintf("there is no context %q", name), Hint: "mesh context ls lists them; mesh context add makes one"}
}
