package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/hivemesh/hivemesh/client"
)

// policyCmd groups the commands about policies.
type policyCmd struct {
	Ls   policyLsCmd   `cmd:"" aliases:"list" help:"List the policies of the tenant."`
	Show policyShowCmd `cmd:"" help:"Print a policy."`
	Set  policySetCmd  `cmd:"" help:"Make or change a policy."`
	Rm   policyRmCmd   `cmd:"" help:"Remove a policy."`
	Test policyTestCmd `cmd:"" help:"Try policies out on cases; nothing changes."`
}

type policyLsCmd struct{}

// Run prints the policies.
func (cmd *policyLsCmd) Run(ctx context.Context, a *app) error {
	policies, err := a.policies(ctx)
	if err != nil {
		return err
	}
	if a.json() {
		return printList(a, policies, "")
	}
	t := &table{header: []string{"POLICY", "VERSION", "TEXT"}}
	for _, p := range policies {
		t.add(text(p.Name), textf("%d", p.Version), text(oneLine(p.Text, 80)))
	}
	return a.printTable(t, "")
}

func (a *app) policies(ctx context.Context) ([]client.Policy, error) {
	c, err := a.connect()
	if err != nil {
		return nil, err
	}
	policies, err := c.Policies(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the policies: %w", err)
	}
	return policies, nil
}

type policyShowCmd struct {
	Policy string `arg:"" help:"Name of the policy."`
}

// Run prints the policy's text.
func (cmd *policyShowCmd) Run(ctx context.Context, a *app) error {
	policies, err := a.policies(ctx)
	if err != nil {
		return err
	}
	for _, p := range policies {
		if p.Name == cmd.Policy {
			return a.say(p, "%s", p.Text)
		}
	}
	return &failure{Exit: exitNotFound, Code: "policy_not_found", Message: fmt.Sprintf("there is no policy %q", cmd.Policy), Hint: "mesh policy ls lists them"}
}

type policySetCmd struct {
	Policy string `arg:"" help:"Name of the policy."`
	File   string `arg:"" help:"File with its text in cedar, or - for standard input."`
}

// Run sets the policy.
func (cmd *policySetCmd) Run(ctx context.Context, a *app) error {
	var data []byte
	var err error
	if cmd.File == "-" {
		data, err = io.ReadAll(a.stdin)
	} else {
		data, err = os.ReadFile(cmd.File)
	}
	if err != nil {
		return &failure{Exit: exitUsage, Code: "no_file", Message: fmt.Sprintf("read the policy: %v", err)}
	}
	return a.command(func(c *client.Client) (client.Receipt, error) {
		return c.SetPolicy(ctx, client.PolicyRequest{Name: cmd.Policy, Text: string(data)})
	}, "policy "+cmd.Policy, "is in force")
}

type policyRmCmd struct {
	Policy string `arg:"" help:"Name of the policy."`
}

// Run removes the policy.
func (cmd *policyRmCmd) Run(ctx context.Context, a *app) error {
	if err := a.confirm("Remove the policy " + cmd.Policy); err != nil {
		return err
	}
	return a.command(func(c *client.Client) (client.Receipt, error) { return c.RemovePolicy(ctx, cmd.Policy) }, "policy "+cmd.Policy, "is removed")
}
