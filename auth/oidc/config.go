package oidc

import (
	"bytes"
	"encoding/json"
	"net"
	"net/url"
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// Limits of a configuration.
const (
	maxConfig  = 64 << 10 // bytes
	maxText    = 1024     // bytes of a URL, an id, a secret
	maxEntries = 256      // of a list or map
)

// Config says how one tenant's people log in at one provider.
type Config struct {
	Name         string `json:"name"` // of the provider, in URLs and in State
	Tenant       string `json:"tenant"`
	Issuer       string `json:"issuer"` // https, or http on loopback
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"` // in the clear; empty for a public client

	Scopes     []string            `json:"scopes,omitempty"`      // default openid, profile, email
	NameClaim  string              `json:"name_claim,omitempty"`  // default preferred_username, else email if verified, else sub
	Required   map[string][]string `json:"required,omitempty"`    // claims that must have one of these values, or any when none is listed
	GroupClaim string              `json:"group_claim,omitempty"` // default groups
	Roles      map[string][]string `json:"roles,omitempty"`       // by group
	UserInfo   bool                `json:"userinfo,omitempty"`    // ask the userinfo endpoint for claims that the ID token lacks
}

// ParseConfig reads a Config from a JSON text of at most 64 KiB. It fails with
// kind Invalid and the field that is wrong, "config" when it is no such text.
func ParseConfig(text []byte) (Config, error) {
	if len(text) > maxConfig {
		return Config{}, domain.InvalidField("config", "has more than %d bytes", maxConfig)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var c Config
	if err := d.Decode(&c); err != nil || d.More() {
		return Config{}, &domain.Error{Kind: domain.Invalid, Code: "invalid_field", Field: "config", Message: "is not the JSON of a provider, or has a field too many", Err: err}
	}
	return c, c.validate()
}

// Public returns the Config without its secret, to be kept or shown.
func (c Config) Public() Config {
	c.ClientSecret = ""
	return c
}

func (c Config) validate() error {
	if err := domain.CheckName("name", c.Name); err != nil {
		return err
	}
	if err := domain.CheckName("tenant", c.Tenant); err != nil {
		return err
	}
	u, err := url.Parse(c.Issuer)
	if err != nil || !safe(u) || u.RawQuery != "" || u.Fragment != "" || u.User != nil || len(c.Issuer) > maxText {
		return domain.InvalidField("issuer", "%.128q is not an https URL without query and fragment", c.Issuer)
	}
	if err := c.validateClient(); err != nil {
		return err
	}
	return c.validateClaims()
}

func (c Config) validateClient() error {
	if c.ClientID == "" {
		return domain.InvalidField("client_id", "must not be empty")
	}
	if err := domain.CheckText("client_id", c.ClientID, maxText); err != nil {
		return err
	}
	if len(c.ClientSecret) > maxText {
		return domain.InvalidField("client_secret", "is longer than %d bytes", maxText)
	}
	for _, s := range c.Scopes {
		if s == "" || strings.ContainsAny(s, " \"\\") || domain.CheckText("scopes", s, maxText) != nil {
			return domain.InvalidField("scopes", "%.64q is not a scope (RFC 6749, section 3.3)", s)
		}
	}
	return nil
}

func (c Config) validateClaims() error {
	for field, n := range map[string]int{"scopes": len(c.Scopes), "required": len(c.Required), "roles": len(c.Roles)} {
		if n > maxEntries {
			return domain.InvalidField(field, "has %d entries, at most %d are allowed", n, maxEntries)
		}
	}
	for field, claim := range map[string]string{"name_claim": c.NameClaim, "group_claim": c.GroupClaim} {
		if err := domain.CheckText(field, claim, maxText); err != nil {
			return err
		}
	}
	for claim, values := range c.Required {
		if claim == "" || len(values) > maxEntries {
			return domain.InvalidField("required", "the claim %.64q has no name, or more than %d values", claim, maxEntries)
		}
	}
	for group, roles := range c.Roles {
		if group == "" {
			return domain.InvalidField("roles", "a group has no name")
		}
		if err := domain.CheckNames("roles", roles, maxEntries); err != nil {
			return err
		}
	}
	return nil
}

// safe reports whether nobody between here and there can read along.
func safe(u *url.URL) bool {
	if u.Scheme == "https" && u.Hostname() != "" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
