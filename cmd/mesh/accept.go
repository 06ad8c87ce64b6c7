package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hivemesh/hivemesh/client"
)

// acceptCmd is "mesh accept".
type acceptCmd struct {
	Invitation    string `arg:"" help:"Invitation, such as mi_…"`
	Name          string `help:"Name to be known by, unless the invitation says it." placeholder:"NAME"`
	PasswordStdin bool   `help:"Read the password from standard input." name:"password-stdin"`
}

// Run spends the invitation of a person and logs in.
func (cmd *acceptCmd) Run(ctx context.Context, a *app) error {
	c, err := a.anonymous()
	if err != nil {
		return err
	}
	password, err := a.secret("New password: ", cmd.PasswordStdin)
	if err != nil {
		return err
	}
	in, err := c.Accept(ctx, client.AcceptRequest{Invitation: cmd.Invitation, Name: cmd.Name, Password: password})
	if err != nil {
		return fmt.Errorf("accept the invitation: %w", err)
	}
	t, err := c.Login(ctx, client.LoginRequest{Tenant: in.Tenant, Login: in.Name, Password: password, Client: "mesh-cli"})
	if err == nil {
		err = a.logins().keep(ctx, a.loginKey(c.URL()), in.Tenant, in.Name, t)
	}
	if err != nil {
		return fmt.Errorf("%s is a principal now; log in: %w", in.Name, err)
	}
	return a.say(in, "welcome, %s: logged in to %s", in.Name, c.URL())
}

// agentJoinCmd is "mesh agent join".
type agentJoinCmd struct {
	Token string `arg:"" help:"Join token, such as mi_…"`
	Name  string `help:"Name of the agent, unless the token says it." placeholder:"NAME"`
	Out   string `help:"File for the identity (default: <name>.identity.json)." placeholder:"FILE"`
}

// Run makes a key pair, enrols it, and keeps it in a file that only the user
// may read. The private key goes nowhere else.
func (cmd *agentJoinCmd) Run(ctx context.Context, a *app) error {
	c, err := a.anonymous()
	if err != nil {
		return err
	}
	pair, err := client.Join(ctx, c, cmd.Token, cmd.Name)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if cmd.Out == "" {
		cmd.Out = pair.Name + ".identity.json"
	}
	data, err := json.MarshalIndent(pair, "", "  ")
	if err == nil {
		err = os.WriteFile(cmd.Out, append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the identity of %s: %w", pair.Name, err)
	}
	path, err := filepath.Abs(cmd.Out)
	if err != nil {
		path = cmd.Out
	}
	return a.say(map[string]string{"principal": pair.Principal, "name": pair.Name, "identity": path},
		"%s has joined; run it with: mesh agent run --identity %s …", pair.Name, cmd.Out)
}

// withIdentity returns a client that acts by the key pair in a file.
func (a *app) withIdentity(file string) (*client.Client, client.KeyPair, error) {
	var pair client.KeyPair
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &pair)
	}
	if err != nil {
		return nil, pair, fmt.Errorf("read the identity: %w", err)
	}
	anonymous, err := a.anonymous()
	if err != nil {
		return nil, pair, err
	}
	c, err := client.New(client.Config{URL: anonymous.URL(), Source: pair.Source(anonymous), UserAgent: "mesh/" + buildVersion().Version})
	return c, pair, err
}
