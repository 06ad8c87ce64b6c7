package main

import (
	"context"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
)

type principalLinkCmd struct {
	Principal string `arg:"" help:"Name, id, or a unique beginning of the id."`
	Provider  string `help:"Login provider that the account is at." required:"" placeholder:"NAME"`
	Subject   string `help:"Id of the account there: the claim sub, which a refused login names." required:"" placeholder:"SUB"`
}

// Run lets a person in by an account at a login provider.
func (cmd *principalLinkCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	done, err := c.LinkAccount(ctx, cmd.Principal, client.AccountRequest{Provider: cmd.Provider, Subject: cmd.Subject})
	if err != nil {
		return fmt.Errorf("link %s: %w", cmd.Principal, err)
	}
	return a.say(done, "%s can log in by %s", cmd.Principal, cmd.Provider)
}
