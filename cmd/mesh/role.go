package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/hivemesh/hivemesh/client"
)

// roleCmd groups the commands about roles.
type roleCmd struct {
	Ls     roleLsCmd     `cmd:"" aliases:"list" help:"List the roles and what they permit."`
	Define roleDefineCmd `cmd:"" help:"Make or change a role of the tenant."`
	Rm     roleRmCmd     `cmd:"" help:"Remove a role of the tenant."`
}

type roleLsCmd struct{}

// Run prints the roles.
func (cmd *roleLsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	roles, err := c.Roles(ctx)
	if err != nil {
		return fmt.Errorf("list the roles: %w", err)
	}
	if a.json() {
		return printList(a, roles, "")
	}
	t := &table{header: []string{"ROLE", "PERMITS", "DESCRIPTION"}}
	for _, r := range roles {
		t.add(text(r.Name), text(oneLine(strings.Join(r.Permissions, " "), 60)), text(oneLine(r.Description, 80)))
	}
	return a.printTable(t, "")
}

type roleDefineCmd struct {
	Role        string   `arg:"" help:"Name of the role."`
	Permission  []string `help:"Action that it permits, or a pattern such as task.*; repeat or separate by commas." short:"p" required:"" placeholder:"ACTION"`
	Description string   `help:"What it is for."`
}

// Run makes or changes the role.
func (cmd *roleDefineCmd) Run(ctx context.Context, a *app) error {
	return a.command(func(c *client.Client) (client.Receipt, error) {
		return c.DefineRole(ctx, client.Role{Name: cmd.Role, Description: cmd.Description, Permissions: cmd.Permission})
	}, "role "+cmd.Role, "is defined")
}

type roleRmCmd struct {
	Role string `arg:"" help:"Name of the role."`
}

// Run removes the role.
func (cmd *roleRmCmd) Run(ctx context.Context, a *app) error {
	if err := a.confirm("Take the role " + cmd.Role + " from all who hold it"); err != nil {
		return err
	}
	return a.command(func(c *client.Client) (client.Receipt, error) { return c.RemoveRole(ctx, cmd.Role) }, "role "+cmd.Role, "is removed")
}
