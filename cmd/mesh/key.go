package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// keyCmd groups the commands about API keys.
type keyCmd struct {
	Ls     keyLsCmd     `cmd:"" aliases:"list" help:"List the API keys of a principal."`
	Create keyCreateCmd `cmd:"" help:"Make an API key; it is shown once, on standard output."`
	Rotate keyRotateCmd `cmd:"" help:"Replace an API key; the old one goes on working for a while."`
	Rm     keyRmCmd     `cmd:"" help:"Remove an API key, or another way in."`
}

type keyLsCmd struct {
	Principal string `arg:"" help:"Name, id, or me." default:"me"`
}

// Run prints the keys.
func (cmd *keyLsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	p, err := c.Principal(ctx, cmd.Principal)
	if err != nil {
		return fmt.Errorf("principal %s: %w", cmd.Principal, err)
	}
	var keys []client.Credential
	for _, k := range p.Credentials {
		if k.Type == "api_key" {
			keys = append(keys, k)
		}
	}
	if a.json() {
		return printList(a, keys, "")
	}
	t := &table{header: []string{"KEY", "NAME", "SCOPES", "NETWORKS", "EXPIRES", "LAST USED"}}
	for _, k := range keys {
		t.add(text(k.ID), text(oneLine(k.Name, 30)), textf("%v", k.Scopes), textf("%v", k.Networks), text(until(k.ExpiresAt, "")), text(until(k.LastUsed, "")))
	}
	return a.printTable(t, "")
}

type keyCreateCmd struct {
	Principal string        `arg:"" help:"Name, id, or me." default:"me"`
	Name      string        `help:"What the key is for."`
	Scope     []string      `help:"Permission that it is limited to, such as task.*; repeat or separate by commas." placeholder:"ACTION"`
	Network   []string      `help:"Network that it works from, such as 10.0.0.0/8; repeat or separate by commas." placeholder:"CIDR"`
	For       time.Duration `help:"How long it works; default: until it is removed." placeholder:"DURATION"`
}

// Run makes the key.
func (cmd *keyCreateCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	k, err := c.CreateKey(ctx, cmd.Principal, client.KeyRequest{Name: cmd.Name, Scopes: cmd.Scope, Networks: cmd.Network, ExpiresAt: in(cmd.For)})
	if err != nil {
		return fmt.Errorf("key of %s: %w", cmd.Principal, err)
	}
	return a.shown(k, k.Key, "The key "+k.ID+", shown this once; use it as MESH_TOKEN:")
}

type keyRotateCmd struct {
	Key       string        `arg:"" help:"Id of the key: the part between mk_ and the next _."`
	Principal string        `help:"Whose key it is." default:"me" placeholder:"PRINCIPAL"`
	Overlap   time.Duration `help:"How long the old key goes on working." default:"24h" placeholder:"DURATION"`
}

// Run replaces the key.
func (cmd *keyRotateCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	overlap := cmd.Overlap.Milliseconds()
	k, err := c.RotateKey(ctx, cmd.Principal, cmd.Key, client.RotateRequest{OverlapMS: &overlap})
	if err != nil {
		return fmt.Errorf("key %s: %w", cmd.Key, err)
	}
	return a.shown(k, k.Key, "The new key "+k.ID+", shown this once:")
}

type keyRmCmd struct {
	Key       string `arg:"" help:"Id of the key or credential."`
	Principal string `help:"Whose it is." default:"me" placeholder:"PRINCIPAL"`
	Reason    string `help:"Why, for the record."`
}

// Run removes the key.
func (cmd *keyRmCmd) Run(ctx context.Context, a *app) error {
	return a.command(func(c *client.Client) (client.Receipt, error) {
		return c.RemoveCredential(ctx, cmd.Principal, cmd.Key, cmd.Reason)
	}, "key "+cmd.Key, "is removed")
}

// shown prints a secret alone on standard output, and what it is on stderr.
func (a *app) shown(value any, secret, what string) error {
	if a.json() {
		return a.printJSON(value)
	}
	fmt.Fprintln(a.stderr, what)
	_, err := fmt.Fprintln(a.stdout, secret)
	return err
}
