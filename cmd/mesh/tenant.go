package main

import (
	"context"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
)

// tenantCmd groups the commands about tenants.
type tenantCmd struct {
	Ls      tenantLsCmd      `cmd:"" aliases:"list" help:"List the tenants of the mesh."`
	Create  tenantCreateCmd  `cmd:"" help:"Make a tenant."`
	Suspend tenantSuspendCmd `cmd:"" help:"Stop everybody in a tenant."`
	Resume  tenantResumeCmd  `cmd:"" help:"End the suspension of a tenant."`
}

type tenantLsCmd struct {
	paging `embed:""`
}

// Run prints one page of tenants.
func (cmd *tenantLsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	options, err := cmd.options()
	if err != nil {
		return err
	}
	page, err := c.Tenants(ctx, options)
	if err != nil {
		return fmt.Errorf("list the tenants: %w", err)
	}
	if a.json() {
		return printList(a, page.Items, page.Next)
	}
	t := &table{header: []string{"NAME", "TITLE", "STATUS", "CREATED"}}
	for _, x := range page.Items {
		t.add(text(x.Name), text(oneLine(x.Title, 40)), suspended(x.Suspended), text(stamp(&x.CreatedAt)))
	}
	return a.printTable(t, page.Next)
}

func suspended(yes bool) cell {
	if yes {
		return cell{"suspended", yellow}
	}
	return cell{"active", green}
}

type tenantCreateCmd struct {
	Name  string `arg:"" help:"Lower-case letters, digits and dashes."`
	Title string `help:"What it is called among people."`
}

// Run makes a tenant.
func (cmd *tenantCreateCmd) Run(ctx context.Context, a *app) error {
	return a.command(func(c *client.Client) (client.Receipt, error) {
		return c.CreateTenant(ctx, client.TenantRequest{Name: cmd.Name, Title: cmd.Title})
	}, "tenant "+cmd.Name, "is made; act in it with --tenant "+cmd.Name)
}

type tenantSuspendCmd struct {
	Name   string `arg:"" help:"Of the tenant."`
	Reason string `help:"Why, for the record."`
}

// Run stops everybody in the tenant.
func (cmd *tenantSuspendCmd) Run(ctx context.Context, a *app) error {
	if err := a.confirm("Suspend everybody in the tenant " + cmd.Name); err != nil {
		return err
	}
	return a.command(func(c *client.Client) (client.Receipt, error) { return c.SuspendTenant(ctx, cmd.Name, cmd.Reason) }, "tenant "+cmd.Name, "is suspended")
}

type tenantResumeCmd struct {
	Name string `arg:"" help:"Of the tenant."`
}

// Run ends the suspension.
func (cmd *tenantResumeCmd) Run(ctx context.Context, a *app) error {
	return a.command(func(c *client.Client) (client.Receipt, error) { return c.ResumeTenant(ctx, cmd.Name) }, "tenant "+cmd.Name, "goes on")
}

// command carries out one command of the mesh and tells its outcome.
func (a *app) command(do func(*client.Client) (client.Receipt, error), what, outcome string) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	receipt, err := do(c)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return a.printReceipt(receipt, what+" "+outcome)
}
