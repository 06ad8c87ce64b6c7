package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/hivemesh/hivemesh/client"
)

// passwordCmd is "mesh password".
type passwordCmd struct {
	PasswordStdin bool `help:"Read the old and the new password from standard input, one a line." name:"password-stdin"`
}

// Run changes the user's password; every session of the user ends.
func (cmd *passwordCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	var r client.PasswordRequest
	if cmd.PasswordStdin {
		both, err := a.secret("", true)
		if err != nil {
			return err
		}
		r.Old, r.New, _ = strings.Cut(both, "\n")
	} else {
		if r.Old, err = a.secret("Old password: ", false); err != nil {
			return err
		}
		if r.New, err = a.secret("New password: ", false); err != nil {
			return err
		}
	}
	if err := c.ChangePassword(ctx, r); err != nil {
		return fmt.Errorf("change the password: %w", err)
	}
	return a.say(struct{}{}, "the password is changed; log in again")
}

// totpCmd is "mesh totp".
type totpCmd struct {
	Enable  totpEnableCmd  `cmd:"" help:"Add an authenticator as second factor."`
	Disable totpDisableCmd `cmd:"" help:"Take the second factor away."`
	Codes   totpCodesCmd   `cmd:"" help:"Replace the recovery codes."`
}

type totpEnableCmd struct {
	Sealed string `help:"What an earlier call offered, to confirm it without a terminal." placeholder:"TEXT"`
	Code   string `help:"First code of the authenticator." placeholder:"CODE"`
}

// Run offers a seed, and confirms it by the first code.
func (cmd *totpEnableCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	if cmd.Sealed == "" {
		offer, err := c.OfferTOTP(ctx)
		if err != nil {
			return fmt.Errorf("add a second factor: %w", err)
		}
		if !isTerminal(a.stdin) {
			return a.say(offer, "secret: %s\nurl:    %s\nthen:   mesh totp enable --sealed %s --code CODE", offer.Secret, offer.URL, offer.Sealed)
		}
		fmt.Fprintf(a.stderr, "Add this to your authenticator:\n  %s\n  %s\n", offer.Secret, offer.URL)
		cmd.Sealed = offer.Sealed
		if cmd.Code, err = a.secret("First code: ", false); err != nil {
			return err
		}
	}
	codes, err := c.ConfirmTOTP(ctx, client.TOTPConfirm{Sealed: cmd.Sealed, Code: cmd.Code})
	if err != nil {
		return fmt.Errorf("add a second factor: %w", err)
	}
	return a.sayCodes(codes)
}

type totpDisableCmd struct {
	PasswordStdin bool `help:"Read the password from standard input." name:"password-stdin"`
}

// Run takes the second factor away; the password proves who wants it.
func (cmd *totpDisableCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	password, err := a.secret("Password: ", cmd.PasswordStdin)
	if err != nil {
		return err
	}
	if err := c.RemoveTOTP(ctx, password); err != nil {
		return fmt.Errorf("take the second factor away: %w", err)
	}
	return a.say(struct{}{}, "the second factor is gone")
}

type totpCodesCmd struct{}

// Run replaces the recovery codes.
func (cmd *totpCodesCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	codes, err := c.NewRecoveryCodes(ctx)
	if err != nil {
		return fmt.Errorf("replace the recovery codes: %w", err)
	}
	return a.sayCodes(codes)
}

func (a *app) sayCodes(codes client.RecoveryCodes) error {
	return a.say(codes, "Recovery codes, shown once; each works one time:\n  %s", strings.Join(codes.Codes, "\n  "))
}
