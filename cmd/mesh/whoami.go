package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// whoamiCmd is "mesh whoami".
type whoamiCmd struct{}

// Run tells as whom the command line acts.
func (cmd *whoamiCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	w, err := c.WhoAmI(ctx)
	if err != nil {
		return fmt.Errorf("ask who I am: %w", err)
	}
	if a.json() {
		return a.printJSON(w)
	}
	a.printFields([][2]string{
		{"Name", w.Name},
		{"Kind", w.Kind},
		{"Principal", w.Principal},
		{"Tenant", w.Tenant},
		{"Home", w.Home},
		{"Acts for", w.For},
		{"Roles", strings.Join(w.Roles, ", ")},
		{"Limited to", strings.Join(w.Scopes, ", ")},
		{"May", strings.Join(w.Rights, " ")},
	})
	return nil
}

// authCmd groups the commands about what is permitted.
type authCmd struct {
	Can     canCmd        `cmd:"" name:"can-i" help:"Ask whether something is permitted, and why."`
	Actions actionsCmd    `cmd:"" help:"List everything that can be permitted."`
	Rotate  rotateKeysCmd `cmd:"" name:"rotate-keys" help:"Rotate the keys that access tokens are signed with."`
}

type canCmd struct {
	Action   string `arg:"" help:"Such as task.submit; mesh auth actions lists them."`
	Resource string `arg:"" optional:"" help:"What it is about: kind/id, such as agent/…"`
	As       string `help:"Ask about this principal (default: you)." placeholder:"PRINCIPAL"`
}

// Run answers yes or no, with the reason; no is exit code 5.
func (cmd *canCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	r := client.CanRequest{Principal: cmd.As, Action: cmd.Action}
	if cmd.Resource != "" {
		kind, id, _ := strings.Cut(cmd.Resource, "/")
		r.Resource = &client.CanBeResource{Kind: kind, ID: id}
	}
	d, err := c.Can(ctx, r)
	if err != nil {
		return fmt.Errorf("ask about %s: %w", cmd.Action, err)
	}
	switch {
	case a.json():
		err = a.printJSON(d)
	case d.Allowed:
		_, err = fmt.Fprintf(a.stdout, "yes: %s permits it\n", d.Role+d.Policy)
	default:
		_, err = fmt.Fprintf(a.stdout, "no: %s\n", d.Reason)
	}
	if err == nil && !d.Allowed {
		return &failure{Exit: exitDenied, Code: "denied", Message: cmd.Action + " is not permitted"}
	}
	return err
}

type actionsCmd struct{}

// Run lists the actions.
func (cmd *actionsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	actions, err := c.Actions(ctx)
	if err != nil {
		return fmt.Errorf("list the actions: %w", err)
	}
	if a.json() {
		return printList(a, actions, "")
	}
	t := &table{header: []string{"ACTION", "DOES"}}
	for _, x := range actions {
		t.add(text(x.Name), text(x.Does))
	}
	return a.printTable(t, "")
}

type rotateKeysCmd struct {
	Overlap time.Duration `help:"How long tokens of the old key count." default:"1h" placeholder:"DURATION"`
}

// Run rotates the keys.
func (cmd *rotateKeysCmd) Run(ctx context.Context, a *app) error {
	overlap := cmd.Overlap.Milliseconds()
	return a.command(func(c *client.Client) (client.Receipt, error) {
		return c.RotateSigningKeys(ctx, client.RotateKeysRequest{OverlapMS: &overlap})
	}, "a new key", "signs access tokens now")
}
