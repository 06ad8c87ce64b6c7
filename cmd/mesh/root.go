package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"github.com/hivemesh/hivemesh/bench"
	"github.com/hivemesh/hivemesh/client"
)

// root is the command line: the flags that every command takes, and the
// commands. A flag tagged "config" may also come from the environment or the
// configuration file.
type root struct {
	Data   string `help:"Data directory of the mesh on this machine." config:"" placeholder:"DIR"`
	Config string `help:"Configuration file (default <data>/config.json)." name:"config" config:"" placeholder:"FILE"`
	URL    string `help:"Address of the mesh (default: that of the mesh in --data, else ${default_url})." config:"" placeholder:"URL"`
	Named  string `help:"Context to use: see mesh context." name:"context" config:"" placeholder:"NAME"`
	Token  string `help:"Credential; better given as MESH_TOKEN. On the machine of the mesh it is found in --data." config:"" secret:"" placeholder:"TOKEN"`
	ActIn  string `help:"Tenant to act in, for those who may act in several." name:"tenant" config:"" placeholder:"TENANT"`
	Output string `help:"Output: table or json." short:"o" enum:"table,json" default:"table" config:""`
	Yes    bool   `help:"Do what would otherwise be asked about first." short:"y"`

	Up      upCmd      `cmd:"" group:"Run a mesh" help:"Start a mesh on this machine with everything it needs."`
	Serve   serveCmd   `cmd:"" group:"Run a mesh" help:"Start a mesh node on a NATS and a Postgres that exist."`
	Demo    demoCmd    `cmd:"" group:"Run a mesh" help:"Show a mesh at work on the files of a directory."`
	Backup  backupCmd  `cmd:"" group:"Run a mesh" help:"Look after the archive of the log."`
	Restore restoreCmd `cmd:"" group:"Run a mesh" help:"Make a log anew from its archive."`
	Drill   drillCmd   `cmd:"" group:"Run a mesh" help:"Try a restore of an archive in a scratch directory, and measure it."`
	Doctor  doctorCmd  `cmd:"" group:"Run a mesh" help:"Check this machine's set-up and the mesh it talks to."`
	Bench   benchCmd   `cmd:"" group:"Run a mesh" help:"Measure this version on this machine, beside what it is built on."`

	Login    loginCmd    `cmd:"" group:"Be somebody" help:"Log in to a mesh, for the commands that follow."`
	Context  contextCmd  `cmd:"" group:"Be somebody" help:"Give meshes names, and choose the one to talk to."`
	Logout   logoutCmd   `cmd:"" group:"Be somebody" help:"End the login."`
	Accept   acceptCmd   `cmd:"" group:"Be somebody" help:"Spend an invitation, and log in."`
	Approve  approveCmd  `cmd:"" group:"Be somebody" help:"Let a program that shows a code act as you."`
	Password passwordCmd `cmd:"" group:"Be somebody" help:"Change your password."`
	Passkey  passkeyCmd  `cmd:"" group:"Be somebody" help:"Look after your passkeys."`
	TOTP     totpCmd     `cmd:"" name:"totp" group:"Be somebody" help:"Look after your second factor."`

	Whoami    whoamiCmd    `cmd:"" group:"Look after people and programs" help:"Tell as whom commands are given."`
	Auth      authCmd      `cmd:"" group:"Look after people and programs" help:"Ask what is permitted; rotate keys."`
	Tenant    tenantCmd    `cmd:"" group:"Look after people and programs" help:"Divide the mesh."`
	Principal principalCmd `cmd:"" group:"Look after people and programs" help:"Look after people, agents and services."`
	Role      roleCmd      `cmd:"" group:"Look after people and programs" help:"Look after roles."`
	Key       keyCmd       `cmd:"" group:"Look after people and programs" help:"Look after API keys."`
	Invite    inviteCmd    `cmd:"" group:"Look after people and programs" help:"Invite people; let agents join."`
	Policy    policyCmd    `cmd:"" group:"Look after people and programs" help:"Look after policies, the conditions on what roles permit."`

	Task       taskCmd       `cmd:"" group:"Use a mesh" help:"Submit, follow and steer tasks."`
	Agent      agentCmd      `cmd:"" group:"Use a mesh" help:"Run a program as an agent; list and steer agents."`
	Memory     memoryCmd     `cmd:"" group:"Use a mesh" help:"Remember, search and import what agents and people know."`
	Event      eventCmd      `cmd:"" group:"Use a mesh" help:"Publish and read events."`
	Projection projectionCmd `cmd:"" group:"Use a mesh" help:"Look after the read models."`
	At         atCmd         `cmd:"" group:"Use a mesh" help:"Ask how things were, by the same commands."`
	Diff       diffCmd       `cmd:"" group:"Use a mesh" help:"Show what changed between two moments."`

	Show    configCmd  `cmd:"" name:"config" group:"About" help:"Show each setting and where it comes from."`
	Version versionCmd `cmd:"" group:"About" help:"Show the versions of this program and of the mesh."`
	OpenAPI openapiCmd `cmd:"" name:"openapi" group:"About" help:"Write the OpenAPI 3.1 description of the HTTP interface."`
	Help    helpCmd    `cmd:"" group:"About" help:"Explain a command or a topic."`

	Permissions permissionsCmd `cmd:"" hidden:"" help:"Write who may do what, as the code has it."`
	BenchAgents benchAgentsCmd `cmd:"" hidden:"" help:"Connect agents for a benchmark."`
	DemoWorker  demoWorkerCmd  `cmd:"" hidden:"" help:"Do one piece of the demo's work."`
	Reap        reapCmd        `cmd:"" hidden:"" help:"End the programs of an agent that died."`
}

// app is one run of the command line: where it reads and writes, and what was
// asked. Commands get it with the context.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            environ
	at             string // when answers are wanted as of; empty for now

	root     root
	parsed   *kong.Context
	settings *settings
}

// dispatch reads the command line and runs its command.
func (a *app) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	a.settings = &settings{env: a.env}
	parser, err := a.parser()
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	helped := false
	parser.Exit = func(int) { helped = true }
	a.parsed, err = parser.Parse(args)
	switch {
	case helped:
		return nil
	case err != nil:
		return usageError(err)
	}
	if a.root.Data == "" {
		a.root.Data = defaultDataDir(a.env, os.Geteuid() == 0)
	}
	a.parsed.BindTo(ctx, (*context.Context)(nil))
	return a.parsed.Run(a)
}

func (a *app) parser() (*kong.Kong, error) {
	return kong.New(&a.root,
		kong.Name("mesh"),
		kong.Description("Hivemesh: a control plane for fleets of agents.\n\nStart here: mesh up (in one terminal), mesh doctor (in another), mesh demo.\nTopics: mesh help "+strings.Join(topicNames(), " | ")+"."),
		kong.Writers(a.stdout, a.stderr),
		kong.Resolvers(a.settings),
		kong.Vars{"default_url": client.DefaultURL, "default_tenant": defaultTenant, "bench_names": strings.Join(bench.Names(), ", ")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
}

// usageError turns what the parser says into the error that users see.
func usageError(err error) error {
	hint := "mesh --help"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		hint = "mesh " + parse.Context.Selected().Path() + " --help"
		hint = strings.Replace(hint, "mesh mesh ", "mesh ", 1)
	}
	return &failure{Exit: exitUsage, Code: "usage", Message: err.Error(), Hint: hint}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// json reports whether JSON was asked for.
func (a *app) json() bool { return a.root.Output == "json" }

// confirm asks the user to allow what, unless --yes was given. Without a
// terminal it refuses instead of asking.
func (a *app) confirm(what string) error {
	if a.root.Yes {
		return nil
	}
	if !isTerminal(a.stdin) || !isTerminal(a.stderr) {
		return &failure{Exit: exitUsage, Code: "confirm", Message: what + " needs to be confirmed", Hint: "give --yes"}
	}
	fmt.Fprintf(a.stderr, "%s: go on? [y/N] ", what)
	var answer string
	fmt.Fscanln(a.stdin, &answer) //nolint:errcheck // no answer means no
	if strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes") {
		return nil
	}
	return &failure{Exit: exitFailed, Code: "declined", Message: "not done: " + what}
}
