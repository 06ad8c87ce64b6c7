package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	xterm "golang.org/x/term"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
)

// loginCmd is "mesh login".
type loginCmd struct {
	Login         string `arg:"" optional:"" help:"Who to log in as."`
	Device        bool   `help:"Show a code that is approved in a browser, by password or passkey, or by mesh approve."`
	Provider      string `help:"Log in with a browser at this login provider." placeholder:"NAME"`
	PasswordStdin bool   `help:"Read the password from standard input." name:"password-stdin"`
	Code          string `help:"Code of the second factor, or a recovery code." placeholder:"CODE"`
	In            string `help:"Tenant to log in to (default: that of the context, else ${default_tenant})." name:"in" placeholder:"TENANT"`
}

// Run keeps a session for the commands that follow.
func (cmd *loginCmd) Run(ctx context.Context, a *app) error {
	c, err := a.anonymous()
	if err != nil {
		return err
	}
	cmd.In = cmp.Or(cmd.In, a.settings.context.Tenant, defaultTenant)
	var t client.Tokens
	switch {
	case cmd.Provider != "":
		t, err = cmd.byProvider(ctx, a, c)
	case cmd.Device:
		cmd.Login = "device"
		t, err = waitForApproval(ctx, a, c, func(d client.Device) string {
			return fmt.Sprintf("Approve this login in a browser: %s\nor where you are logged in: mesh approve %s", d.VerificationURIComplete, d.UserCode)
		})
	default:
		t, err = cmd.byPassword(ctx, a, c)
	}
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	if err := a.logins().keep(ctx, a.loginKey(c.URL()), cmd.In, cmd.Login, t); err != nil {
		return err
	}
	return a.say(map[string]any{"url": c.URL(), "session": t.Session}, "logged in to %s as %s", c.URL(), cmd.Login)
}

func (cmd *loginCmd) byPassword(ctx context.Context, a *app, c *client.Client) (client.Tokens, error) {
	if cmd.Login == "" {
		return client.Tokens{}, usagef("say who to log in as: mesh login NAME, or mesh login --device")
	}
	password, err := a.secret("Password: ", cmd.PasswordStdin)
	if err != nil {
		return client.Tokens{}, err
	}
	r := client.LoginRequest{Tenant: cmd.In, Login: cmd.Login, Password: password, Code: cmd.Code, Client: "mesh-cli"}
	t, err := c.Login(ctx, r)
	var refused *client.Error
	if errors.As(err, &refused) && refused.Code == "second_factor_required" && isTerminal(a.stdin) {
		if r.Code, err = a.secret("Code: ", false); err != nil {
			return t, err
		}
		return c.Login(ctx, r)
	}
	return t, err
}

// byProvider says where to log in with a browser, and waits until that is done.
func (cmd *loginCmd) byProvider(ctx context.Context, a *app, c *client.Client) (client.Tokens, error) {
	known, err := c.Providers(ctx)
	if err != nil {
		return client.Tokens{}, err
	}
	if !slices.Contains(known, cmd.Provider) {
		return client.Tokens{}, usagef("no login provider is named %q; there is %s", cmd.Provider, cmp.Or(strings.Join(known, ", "), "none"))
	}
	t, err := waitForApproval(ctx, a, c, func(d client.Device) string {
		return fmt.Sprintf("Log in with a browser here, and let in the program with the code %s:\n  %s", d.UserCode, c.ProviderLoginURL(cmd.Provider, d.UserCode))
	})
	if err != nil {
		return t, err
	}
	in, err := client.New(client.Config{URL: c.URL(), Token: t.AccessToken, UserAgent: "mesh/" + buildVersion().Version})
	if err != nil {
		return t, err
	}
	defer in.Close()
	me, err := in.WhoAmI(ctx)
	cmd.Login, cmd.In = me.Name, me.Tenant
	return t, err
}

// waitForApproval says what to do with a code, as word words it, and asks until
// somebody approved it.
func waitForApproval(ctx context.Context, a *app, c *client.Client, word func(client.Device) string) (client.Tokens, error) {
	d, err := c.BeginDevice(ctx, client.DeviceRequest{Client: "mesh-cli"})
	if err != nil {
		return client.Tokens{}, err
	}
	fmt.Fprintln(a.stderr, word(d))
	tick := time.NewTicker(time.Duration(d.Interval) * time.Second)
	defer tick.Stop()
	for {
		t, err := c.FinishDevice(ctx, d.DeviceCode)
		var refused *client.Error
		if err == nil || !errors.As(err, &refused) || refused.Code != "authorization_pending" {
			return t, err
		}
		select {
		case <-ctx.Done():
			return t, ctx.Err()
		case <-tick.C:
		}
	}
}

// approveCmd is "mesh approve".
type approveCmd struct {
	Code string `arg:"" help:"Code that the program shows, such as BCDF-GHJK."`
}

// Run lets the program that shows the code act as the user.
func (cmd *approveCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	ok, err := c.ApproveDevice(ctx, cmd.Code)
	if err != nil {
		return fmt.Errorf("approve %s: %w", cmd.Code, err)
	}
	return a.say(ok, "%s is let in", ok.Client)
}

// logoutCmd is "mesh logout".
type logoutCmd struct{}

// Run ends the session and forgets it.
func (cmd *logoutCmd) Run(ctx context.Context, a *app) error {
	c, err := a.anonymous()
	if err != nil {
		return err
	}
	s, ok, err := a.logins().of(a.loginKey(c.URL()))
	if err != nil {
		return err
	}
	if !ok {
		return a.say(map[string]any{"url": c.URL()}, "nobody is logged in to %s", c.URL())
	}
	ended := c.Logout(ctx, s.Refresh)
	if err = errors.Join(ended, a.logins().forget(ctx, a.loginKey(c.URL()))); err != nil {
		return fmt.Errorf("log out: %w", err)
	}
	return a.say(map[string]any{"url": c.URL()}, "logged out of %s", c.URL())
}

// anonymous returns a client without a credential.
func (a *app) anonymous() (*client.Client, error) {
	c, err := a.connection()
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{URL: c.URL, UserAgent: "mesh/" + buildVersion().Version})
}

// secret reads a secret: from standard input if it was asked for, else from the
// terminal, unseen.
func (a *app) secret(prompt string, piped bool) (string, error) {
	if piped {
		data, err := io.ReadAll(io.LimitReader(a.stdin, 4<<10))
		if err != nil {
			return "", fmt.Errorf("read from standard input: %w", err)
		}
		return strings.TrimRight(string(data), "\r\n"), nil
	}
	f, ok := a.stdin.(*os.File)
	if !ok || !isTerminal(a.stdin) {
		return "", usagef("a password is asked for on a terminal; without one give --password-stdin")
	}
	fmt.Fprint(a.stderr, prompt)
	defer fmt.Fprintln(a.stderr)
	data, err := xterm.ReadPassword(int(f.Fd()))
	if err != nil {
		return "", fmt.Errorf("read from the terminal: %w", err)
	}
	return string(data), nil
}

// say tells the outcome of a command: value as JSON, or a sentence.
func (a *app) say(value any, format string, args ...any) error {
	if a.json() {
		return a.printJSON(value)
	}
	_, err := fmt.Fprintf(a.stdout, format+"\n", args...)
	return err
}

// defaultTenant is where one logs in unless another tenant is named.
const defaultTenant = domain.DefaultTenant
