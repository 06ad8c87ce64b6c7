package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// moment is a place in the log, as the flags of a command name it.
type moment struct {
	Seq  uint64 `help:"After this event, by its sequence." xor:"moment" placeholder:"N"`
	Time string `help:"At this time, such as 2026-01-31T10:32:00Z, or so long ago, such as 90m." xor:"moment" placeholder:"TIME"`
}

// header is what Mesh-At says.
func (m moment) header() (string, error) {
	switch {
	case m.Seq > 0:
		return strconv.FormatUint(m.Seq, 10), nil
	case m.Time != "":
		return timeHeader("--time", m.Time)
	}
	return "", usagef("say when: --seq N or --time TIME")
}

// timeHeader takes a time, or how long ago it was.
func timeHeader(flag, text string) (string, error) {
	if _, err := time.Parse(time.RFC3339, text); err == nil {
		return text, nil
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return "", usagef("%s: %q is neither a time such as 2026-01-31T10:32:00Z nor a duration such as 90m", flag, text)
	}
	return time.Now().Add(-ago).UTC().Format(time.RFC3339Nano), nil
}

// atCmd is "mesh at".
type atCmd struct {
	moment
	Command []string `arg:"" passthrough:"" help:"A command that reads: task ls, task show, agent ls, agent show, event ls, memory ls, memory search, memory show …" placeholder:"COMMAND"`
}

// Run carries the command out as of then. The mesh builds what it needs for
// the first answer; that is waited for.
func (cmd *atCmd) Run(ctx context.Context, a *app) error {
	when, err := cmd.header()
	if err != nil {
		return err
	}
	if a.at != "" {
		return usagef("mesh at within mesh at: there is one moment at a time")
	}
	return a.whenBuilt(ctx, func() error {
		inner := &app{stdin: a.stdin, stdout: a.stdout, stderr: a.stderr, env: a.inherited(), at: when}
		return inner.dispatch(ctx, cmd.Command)
	})
}

// inherited is the environment with what the command line said for all commands.
func (a *app) inherited() environ {
	env := slices.Clone(a.env)
	for name, value := range map[string]string{
		"data": a.root.Data, "config": a.root.Config, "url": a.root.URL, "context": a.root.Named, "token": a.root.Token, "tenant": a.root.ActIn, "output": a.root.Output,
	} {
		if value != "" {
			env = append(env, envName(name)+"="+value)
		}
	}
	return env
}

// pastPause is between looks while the mesh builds the past.
const pastPause = time.Second

// whenBuilt asks again, and tells how far it is, while the mesh builds what is
// asked for.
func (a *app) whenBuilt(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		var e *client.Error
		if !errors.As(err, &e) || e.Code != "past_building" {
			return err
		}
		fmt.Fprintln(a.stderr, e.Detail)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pastPause):
		}
	}
}
