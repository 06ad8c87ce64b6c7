package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// inviteCmd groups the commands about invitations.
type inviteCmd struct {
	Human  inviteHumanCmd  `cmd:"" help:"Invite a person; the invitation is shown once, on standard output."`
	Agent  inviteAgentCmd  `cmd:"" help:"Make a join token for an agent; it is shown once, on standard output."`
	Ls     inviteLsCmd     `cmd:"" aliases:"list" help:"List the invitations that are open."`
	Revoke inviteRevokeCmd `cmd:"" help:"Close an invitation."`
}

type inviteHumanCmd struct {
	Name      string        `arg:"" optional:"" help:"Name of the person; without it the guest chooses."`
	Principal string        `help:"A person who is known and gets a new password." placeholder:"PRINCIPAL"`
	Role      []string      `help:"Role to give; repeat or separate by commas." placeholder:"ROLE"`
	For       time.Duration `help:"How long it is open." default:"24h" placeholder:"DURATION"`
}

// Run makes the invitation.
func (cmd *inviteHumanCmd) Run(ctx context.Context, a *app) error {
	return a.invite(ctx, client.InviteRequest{Kind: "human", Name: cmd.Name, Principal: cmd.Principal, Roles: cmd.Role, ExpiresAt: in(cmd.For)},
		"Works once: mesh accept INVITATION, or in a browser %s/setup#INVITATION")
}

type inviteAgentCmd struct {
	Name  string        `arg:"" optional:"" help:"Name of the agent; without it the agent chooses."`
	Owner string        `help:"Who answers for it (default: you)." placeholder:"PRINCIPAL"`
	Role  []string      `help:"Role to give beside that of an agent; repeat or separate by commas." placeholder:"ROLE"`
	For   time.Duration `help:"How long it is open." default:"24h" placeholder:"DURATION"`
}

// Run makes the join token.
func (cmd *inviteAgentCmd) Run(ctx context.Context, a *app) error {
	return a.invite(ctx, client.InviteRequest{Kind: "agent", Name: cmd.Name, Owner: cmd.Owner, Roles: cmd.Role, ExpiresAt: in(cmd.For)},
		"Works once, at %s: mesh agent join TOKEN")
}

func (a *app) invite(ctx context.Context, r client.InviteRequest, how string) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	made, err := c.Invite(ctx, r)
	if err != nil {
		return fmt.Errorf("invite: %w", err)
	}
	return a.shown(made, made.Invitation, fmt.Sprintf(how, c.URL()))
}

type inviteLsCmd struct {
	paging `embed:""`
}

// Run prints one page of invitations.
func (cmd *inviteLsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	options, err := cmd.options()
	if err != nil {
		return err
	}
	page, err := c.Invitations(ctx, options)
	if err != nil {
		return fmt.Errorf("list the invitations: %w", err)
	}
	if a.json() {
		return printList(a, page.Items, page.Next)
	}
	t := &table{header: []string{"ID", "KIND", "NAME", "ROLES", "EXPIRES"}}
	for _, i := range page.Items {
		t.add(text(i.ID), text(i.Kind), text(i.Name), text(strings.Join(i.Roles, " ")), text(stamp(&i.ExpiresAt)))
	}
	return a.printTable(t, page.Next)
}

type inviteRevokeCmd struct {
	ID     string `arg:"" help:"Of the invitation."`
	Reason string `help:"Why, for the record."`
}

// Run closes the invitation.
func (cmd *inviteRevokeCmd) Run(ctx context.Context, a *app) error {
	return a.command(func(c *client.Client) (client.Receipt, error) { return c.RevokeInvitation(ctx, cmd.ID, cmd.Reason) }, "invitation "+cmd.ID, "is closed")
}
