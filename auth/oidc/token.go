package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// algorithms are those that an ID token may be signed with.
func algorithms() []string { return []string{oidc.RS256, oidc.ES256, oidc.EdDSA} }

// identify returns who a token answer is about.
func (p *Provider) identify(ctx context.Context, k *known, s State, token *oauth2.Token) (Identity, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok || raw == "" {
		return Identity{}, errors.New("the answer has no ID token")
	}
	verifier := k.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, SupportedSigningAlgs: algorithms(), Now: p.now})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return Identity{}, err
	}
	if s.Nonce == "" || !same(id.Nonce, s.Nonce) {
		return Identity{}, errors.New("the ID token is not for this login: its nonce is another")
	}
	all := claims{}
	if err := id.Claims(&all); err != nil {
		return Identity{}, fmt.Errorf("read the claims: %w", err)
	}
	if err := p.party(id, all); err != nil {
		return Identity{}, err
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return Identity{}, err
		}
	}
	if p.cfg.UserInfo {
		if err := p.complete(ctx, k, id.Subject, token, all); err != nil {
			return Identity{}, err
		}
	}
	return p.cfg.identity(id.Subject, all)
}

// party refuses an ID token that was issued to somebody else, though we may be
// in its audience (OpenID Connect Core, section 3.1.3.7, points 3 to 5).
func (p *Provider) party(id *oidc.IDToken, all claims) error {
	azp, given := all["azp"]
	var who string
	if given && json.Unmarshal(azp, &who) != nil || given && who != p.cfg.ClientID {
		return fmt.Errorf("the ID token was issued to %.64q", who)
	}
	if len(id.Audience) > 1 && !given {
		return errors.New("the ID token has several audiences and does not say whom it was issued to")
	}
	return nil
}

// complete adds the claims of the userinfo endpoint that the ID token lacks
// (OpenID Connect Core, section 5.3).
func (p *Provider) complete(ctx context.Context, k *known, subject string, token *oauth2.Token, all claims) error {
	info, err := k.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("ask the userinfo endpoint: %w", err)
	}
	if info.Subject != subject {
		return errors.New("the userinfo endpoint speaks of somebody else")
	}
	more := claims{}
	if err := info.Claims(&more); err != nil {
		return fmt.Errorf("read the userinfo: %w", err)
	}
	if all["email"] != nil || all["email_verified"] != nil { // one says of what the other is true
		delete(more, "email")
		delete(more, "email_verified")
	}
	for name, value := range more {
		if _, known := all[name]; !known {
			all[name] = value
		}
	}
	return nil
}
