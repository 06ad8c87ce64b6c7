package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// principalCmd groups the commands about people, agents and services.
type principalCmd struct {
	Ls           principalLsCmd           `cmd:"" aliases:"list" help:"List principals."`
	Show         principalShowCmd         `cmd:"" help:"Show a principal with its roles, ways in and sessions."`
	Create       principalCreateCmd       `cmd:"" help:"Make a principal that can do nothing yet."`
	Grant        principalGrantCmd        `cmd:"" help:"Give a principal a role."`
	Revoke       principalRevokeCmd       `cmd:"" help:"Take a role from a principal."`
	Teams        principalTeamsCmd        `cmd:"" help:"Say which teams a principal is in."`
	Suspend      principalSuspendCmd      `cmd:"" help:"Stop a principal at once."`
	Resume       principalResumeCmd       `cmd:"" help:"End a suspension."`
	Link         principalLinkCmd         `cmd:"" help:"Let a person in by an account at a login provider."`
	RevokeTokens principalRevokeTokensCmd `cmd:"" name:"revoke-tokens" help:"End every session and token of a principal."`
}

type principalLsCmd struct {
	paging `embed:""`
	Kind   []string `help:"Only these: human, agent, service." short:"k" placeholder:"KIND"`
}

// Run prints one page of principals.
func (cmd *principalLsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	options, err := cmd.options(term{"kind", cmd.Kind})
	if err != nil {
		return err
	}
	page, err := c.Principals(ctx, options)
	if err != nil {
		return fmt.Errorf("list the principals: %w", err)
	}
	if a.json() {
		return printList(a, page.Items, page.Next)
	}
	t := &table{header: []string{"NAME", "KIND", "STATUS", "ROLES", "ID"}}
	for _, p := range page.Items {
		t.add(text(p.Name), text(p.Kind), suspended(p.Suspended), text(oneLine(strings.Join(p.Roles, " "), 50)), text(p.ID))
	}
	return a.printTable(t, page.Next)
}

type principalShowCmd struct {
	Principal string `arg:"" help:"Name, id, a unique beginning of the id, or me." default:"me"`
}

// Run prints one principal.
func (cmd *principalShowCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	p, err := c.Principal(ctx, cmd.Principal)
	if err != nil {
		return fmt.Errorf("principal %s: %w", cmd.Principal, err)
	}
	if a.json() {
		return a.printJSON(p)
	}
	status := "active"
	if p.Suspended {
		status = "suspended"
	}
	a.printFields([][2]string{
		{"Name", p.Name},
		{"Kind", p.Kind},
		{"ID", p.ID},
		{"Tenant", p.Tenant},
		{"Owner", p.Owner},
		{"Status", status},
		{"Roles", strings.Join(p.Roles, ", ")},
		{"Teams", strings.Join(p.Teams, ", ")},
		{"Created", stamp(&p.CreatedAt)},
	})
	for _, x := range p.Credentials {
		fmt.Fprintf(a.stdout, "Way in      %s %s %s%s%s\n", x.Type, x.ID, x.Name, until(x.ExpiresAt, ", until "), until(x.LastUsed, ", last used "))
	}
	for _, s := range p.Sessions {
		fmt.Fprintf(a.stdout, "Session     %s %s since %s\n", s.ID, s.Client, stamp(&s.StartedAt))
	}
	return nil
}

func until(t *time.Time, before string) string {
	if t == nil {
		return ""
	}
	return before + stamp(t)
}

type principalCreateCmd struct {
	Kind  string   `arg:"" help:"human, agent or service." enum:"human,agent,service"`
	Name  string   `arg:"" help:"Unique in the tenant."`
	Owner string   `help:"Who answers for an agent or a service (default: you)." placeholder:"PRINCIPAL"`
	Role  []string `help:"Role to give it; repeat or separate by commas." placeholder:"ROLE"`
}

// Run makes the principal and gives it its roles.
func (cmd *principalCreateCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	receipt, err := c.CreatePrincipal(ctx, client.PrincipalRequest{Kind: cmd.Kind, Name: cmd.Name, Owner: cmd.Owner})
	if err != nil {
		return fmt.Errorf("principal %s: %w", cmd.Name, err)
	}
	for _, role := range cmd.Role {
		if _, err := c.Grant(ctx, receipt.ID, client.GrantRequest{Role: role}); err != nil {
			return fmt.Errorf("principal %s is made, but has no role %s: %w", cmd.Name, role, err)
		}
	}
	return a.printReceipt(receipt, cmd.Kind+" "+cmd.Name+" is made; a way in: mesh key create "+cmd.Name+", or mesh invite human --principal "+cmd.Name)
}

type principalGrantCmd struct {
	Principal string        `arg:"" help:"Name or id."`
	Role      string        `arg:"" help:"Role to give."`
	For       time.Duration `help:"How long; default: until it is taken." placeholder:"DURATION"`
}

// Run gives the role.
func (cmd *principalGrantCmd) Run(ctx context.Context, a *app) error {
	r := client.GrantRequest{Role: cmd.Role, ExpiresAt: in(cmd.For)}
	return a.command(func(c *client.Client) (client.Receipt, error) { return c.Grant(ctx, cmd.Principal, r) }, "principal "+cmd.Principal, "holds "+cmd.Role)
}

type principalRevokeCmd struct {
	Principal string `arg:"" help:"Name or id."`
	Role      string `arg:"" help:"Role to take."`
	Reason    string `help:"Why, for the record."`
}

// Run takes the role.
func (cmd *principalRevokeCmd) Run(ctx context.Context, a *app) error {
	r := client.GrantRequest{Role: cmd.Role, Reason: cmd.Reason}
	return a.command(func(c *client.Client) (client.Receipt, error) { return c.Revoke(ctx, cmd.Principal, r) }, "principal "+cmd.Principal, "holds "+cmd.Role+" no longer")
}

type principalTeamsCmd struct {
	Principal string   `arg:"" help:"Name or id."`
	Team      []string `arg:"" optional:"" help:"All teams that it is to be in."`
	None      bool     `help:"Take it out of every team."`
}

// Run replaces the teams.
func (cmd *principalTeamsCmd) Run(ctx context.Context, a *app) error {
	if cmd.None != (len(cmd.Team) == 0) {
		return usagef("name the teams, or --none")
	}
	said := "is in " + strings.Join(cmd.Team, ", ")
	if cmd.None {
		said = "is in no team"
	}
	return a.command(func(c *client.Client) (client.Receipt, error) { return c.SetTeams(ctx, cmd.Principal, cmd.Team) }, "principal "+cmd.Principal, said)
}

type principalSuspendCmd struct {
	Principal string `arg:"" help:"Name or id."`
	Reason    string `help:"Why, for the record."`
}

// Run stops the principal.
func (cmd *principalSuspendCmd) Run(ctx context.Context, a *app) error {
	if err := a.confirm("Suspend " + cmd.Principal); err != nil {
		return err
	}
	return a.command(func(c *client.Client) (client.Receipt, error) {
		return c.SuspendPrincipal(ctx, cmd.Principal, cmd.Reason)
	}, "principal "+cmd.Principal, "is suspended")
}

type principalResumeCmd struct {
	Principal string `arg:"" help:"Name or id."`
}

// Run ends the suspension.
func (cmd *principalResumeCmd) Run(ctx context.Context, a *app) error {
	return a.command(func(c *client.Client) (client.Receipt, error) { return c.ResumePrincipal(ctx, cmd.Principal) }, "principal "+cmd.Principal, "may act again")
}

type principalRevokeTokensCmd struct {
	Principal string `arg:"" help:"Name, id, or me." default:"me"`
	Reason    string `help:"Why, for the record."`
}

// Run ends all sessions.
func (cmd *principalRevokeTokensCmd) Run(ctx context.Context, a *app) error {
	return a.command(func(c *client.Client) (client.Receipt, error) { return c.RevokeTokens(ctx, cmd.Principal, cmd.Reason) }, "principal "+cmd.Principal, "is logged out everywhere")
}

// in is a moment after some time, nil for no time.
func in(d time.Duration) *time.Time {
	if d == 0 {
		return nil
	}
	t := time.Now().Add(d)
	return &t
}
