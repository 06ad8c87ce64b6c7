package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// contextCmd groups the commands about contexts.
type contextCmd struct {
	Ls  contextLsCmd  `cmd:"" aliases:"list" help:"List the contexts."`
	Add contextAddCmd `cmd:"" help:"Give a mesh a name: mesh context add NAME --url URL [--tenant TENANT]."`
	Use contextUseCmd `cmd:"" help:"Talk to the mesh of a context from now on."`
	Rm  contextRmCmd  `cmd:"" help:"Forget a context and its login."`
}

// contextRow is one context as it is listed.
type contextRow struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	meshContext
	Login string `json:"login,omitempty"`
}

type contextLsCmd struct{}

// Run prints the contexts.
func (cmd *contextLsCmd) Run(a *app) error {
	all, err := contextsOf(a.env).read()
	if err != nil {
		return err
	}
	sessions, err := a.logins().file.read()
	if err != nil {
		return err
	}
	var rows []contextRow
	t := &table{header: []string{"", "CONTEXT", "URL", "TENANT", "CREDENTIAL"}}
	for _, name := range slices.Sorted(maps.Keys(all.Contexts)) {
		c := all.Contexts[name]
		row := contextRow{Name: name, Current: name == all.Current, meshContext: c, Login: sessions[name+"@"+c.URL].Login}
		mark, credential := "", ""
		if row.Current {
			mark = "*"
		}
		switch {
		case c.TokenFile != "":
			credential = "file " + c.TokenFile
		case row.Login != "":
			credential = "login of " + row.Login
		}
		rows = append(rows, row)
		t.add(text(mark), text(name), text(c.URL), text(c.Tenant), text(credential))
	}
	if a.json() {
		return printList(a, rows, "")
	}
	return a.printTable(t, "")
}

type contextAddCmd struct {
	Name      string `arg:"" help:"Name of the context."`
	TokenFile string `help:"File that holds the credential; default: that of mesh login." name:"token-file" type:"path" placeholder:"FILE"`
	Use       bool   `help:"Use it from now on."`
}

// Run adds a context.
func (cmd *contextAddCmd) Run(ctx context.Context, a *app) error {
	url := strings.TrimSuffix(given(a.parsed, "url"), "/")
	if url == "" {
		return usagef("say which mesh: mesh context add %s --url URL", cmd.Name)
	}
	if err := checkURL(url); err != nil {
		return err
	}
	if cmd.Name == "" || strings.ContainsFunc(cmd.Name, func(r rune) bool { return r <= ' ' || r == '@' || r == 0x7f }) {
		return usagef("%q is no name of a context: it may not be empty or have spaces or @", cmd.Name)
	}
	if given(a.parsed, "token") != "" {
		return usagef("a context holds no credential: keep it in a file and give --token-file, or log in with mesh login --context %s", cmd.Name)
	}
	added := meshContext{URL: url, Tenant: given(a.parsed, "tenant")}
	if cmd.TokenFile != "" {
		path, err := filepath.Abs(cmd.TokenFile)
		if err != nil {
			return fmt.Errorf("find %s: %w", cmd.TokenFile, err)
		}
		added.TokenFile = path
	}
	err := contextsOf(a.env).change(ctx, func(all *contextFile) error {
		if _, taken := all.Contexts[cmd.Name]; taken {
			return &failure{Exit: exitConflict, Code: "context_exists", Field: "name", Message: fmt.Sprintf("there is a context %q", cmd.Name), Hint: "mesh context rm " + cmd.Name + " first"}
		}
		if all.Contexts == nil {
			all.Contexts = map[string]meshContext{}
		}
		all.Contexts[cmd.Name] = added
		if cmd.Use {
			all.Current = cmd.Name
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.say(contextRow{Name: cmd.Name, Current: cmd.Use, meshContext: added}, "the context %s is %s", cmd.Name, url)
}

type contextUseCmd struct {
	Name string `arg:"" optional:"" help:"Name of the context; without one, none is used."`
}

// Run makes a context the one in use.
func (cmd *contextUseCmd) Run(ctx context.Context, a *app) error {
	var used meshContext
	err := contextsOf(a.env).change(ctx, func(all *contextFile) error {
		var ok bool
		if used, ok = all.Contexts[cmd.Name]; !ok && cmd.Name != "" {
			return noContext(cmd.Name)
		}
		all.Current = cmd.Name
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"MESH_URL", "MESH_CONTEXT"} {
		if cmd.Name != "" && a.env.get(name) != "" {
			fmt.Fprintf(a.stderr, "%s is set and goes before the context in use\n", name)
		}
	}
	if cmd.Name == "" {
		return a.say(contextRow{}, "no context is used")
	}
	return a.say(contextRow{Name: cmd.Name, Current: true, meshContext: used}, "from now on: %s, %s", cmd.Name, used.URL)
}

type contextRmCmd struct {
	Name string `arg:"" help:"Name of the context."`
}

// Run forgets a context, and the login that was kept for it.
func (cmd *contextRmCmd) Run(ctx context.Context, a *app) error {
	var gone meshContext
	err := contextsOf(a.env).change(ctx, func(all *contextFile) error {
		var ok bool
		if gone, ok = all.Contexts[cmd.Name]; !ok {
			return noContext(cmd.Name)
		}
		delete(all.Contexts, cmd.Name)
		if all.Current == cmd.Name {
			all.Current = ""
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := a.logins().forget(ctx, cmd.Name+"@"+gone.URL); err != nil {
		return err
	}
	return a.say(contextRow{Name: cmd.Name, meshContext: gone}, "the context %s is forgotten", cmd.Name)
}
