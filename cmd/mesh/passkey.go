package main

import (
	"context"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
)

// passkeyCmd groups the commands about the user's own passkeys. They are made
// in a browser, on the login page of the mesh.
type passkeyCmd struct {
	Ls passkeyLsCmd `cmd:"" aliases:"list" help:"List your passkeys."`
	Rm passkeyRmCmd `cmd:"" help:"Remove one of your passkeys."`
}

type passkeyLsCmd struct{}

// Run prints the passkeys.
func (cmd *passkeyLsCmd) Run(ctx context.Context, a *app) error {
	all, err := passkeys(ctx, a)
	if err != nil {
		return err
	}
	if a.json() {
		return printList(a, all, "")
	}
	t := &table{header: []string{"PASSKEY", "NAME", "LAST USED"}}
	for _, k := range all {
		t.add(text(k.ID), text(oneLine(k.Name, 30)), text(until(k.LastUsed, "")))
	}
	return a.printTable(t, "")
}

type passkeyRmCmd struct {
	Passkey string `arg:"" help:"Id of the passkey, or its name if no other has it."`
	Reason  string `help:"Why, for the record."`
}

// Run removes the passkey.
func (cmd *passkeyRmCmd) Run(ctx context.Context, a *app) error {
	all, err := passkeys(ctx, a)
	if err != nil {
		return err
	}
	var found []string
	for _, k := range all {
		if k.ID == cmd.Passkey || k.Name == cmd.Passkey {
			found = append(found, k.ID)
		}
	}
	if len(found) != 1 {
		return usagef("%d of your passkeys are called %q; mesh passkey ls shows their ids", len(found), cmd.Passkey)
	}
	return a.command(func(c *client.Client) (client.Receipt, error) {
		return c.RemoveCredential(ctx, "me", found[0], cmd.Reason)
	}, "passkey "+cmd.Passkey, "is removed")
}

// passkeys returns those of the user.
func passkeys(ctx context.Context, a *app) ([]client.Credential, error) {
	c, err := a.connect()
	if err != nil {
		return nil, err
	}
	me, err := c.Principal(ctx, "me")
	if err != nil {
		return nil, fmt.Errorf("your passkeys: %w", err)
	}
	all := []client.Credential{}
	for _, k := range me.Credentials {
		if k.Type == "passkey" {
			all = append(all, k)
		}
	}
	return all, nil
}
