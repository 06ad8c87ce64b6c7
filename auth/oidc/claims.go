package oidc

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hivemesh/hivemesh/domain"
)

const (
	maxSubject = 255 // bytes (OpenID Connect Core, section 2)
	maxName    = 254 // bytes, as of an email address
	maxValues  = 1024
)

// claims are what a provider says of a person, as JSON.
type claims map[string]json.RawMessage

// texts returns the values of a claim that is a text, a number, a bool or a
// list of these; of other kinds there are none.
func (c claims) texts(name string) []string {
	var list []json.RawMessage
	if json.Unmarshal(c[name], &list) != nil {
		list = []json.RawMessage{c[name]}
	}
	var out []string
	for _, raw := range list[:min(len(list), maxValues)] {
		var s string
		var scalar any
		switch {
		case json.Unmarshal(raw, &s) == nil && string(raw) != "null":
			out = append(out, s)
		case json.Unmarshal(raw, &scalar) == nil:
			switch scalar.(type) {
			case bool, float64:
				out = append(out, string(raw)) // as it was written: no digit is lost
			}
		}
	}
	return out
}

// text returns a claim that is one text.
func (c claims) text(name string) string {
	if all := c.texts(name); len(all) == 1 {
		return all[0]
	}
	return ""
}

// email returns the address, if the provider knows it to be the person's.
func (c claims) email() string {
	if c.text("email_verified") != "true" || domain.CheckText("email", c.text("email"), maxName) != nil {
		return ""
	}
	return c.text("email")
}

// identity returns who the claims are of, if the required ones are there.
func (c Config) identity(subject string, all claims) (Identity, error) {
	if err := domain.CheckText("sub", subject, maxSubject); err != nil || subject == "" {
		return Identity{}, fmt.Errorf("the subject %.64q cannot be kept", subject)
	}
	if err := c.admits(all); err != nil {
		return Identity{}, err
	}
	name, err := c.nameOf(subject, all)
	if err != nil {
		return Identity{}, err
	}
	id := Identity{
		Provider: c.Name, Tenant: c.Tenant, Issuer: c.Issuer, Subject: subject,
		Name: name, Email: all.email(), Roles: c.rolesOf(all), Claims: map[string][]string{},
	}
	for claim := range c.Required {
		id.Claims[claim] = all.texts(claim)
	}
	if groups := all.texts(c.GroupClaim); len(groups) > 0 {
		id.Claims[c.GroupClaim] = groups
	}
	return id, nil
}

// admits refuses claims without those that are required.
func (c Config) admits(all claims) error {
	for _, claim := range slices.Sorted(maps.Keys(c.Required)) {
		values, wanted := all.texts(claim), c.Required[claim]
		met := len(values) > 0 && len(wanted) == 0
		for _, v := range values {
			met = met || slices.Contains(wanted, v)
		}
		if !met {
			return fmt.Errorf("the claim %.64q is not as it is required", claim)
		}
	}
	return nil
}

// nameOf returns what to call the person. An address counts only when the
// provider knows it to be the person's.
func (c Config) nameOf(subject string, all claims) (string, error) {
	var name string
	switch c.NameClaim {
	case "":
		name = all.text("preferred_username")
		if name == "" {
			name = all.email()
		}
		if name == "" {
			name = subject
		}
	case "email":
		name = all.email()
	default:
		name = all.text(c.NameClaim)
	}
	if err := domain.CheckText("name", name, maxName); err != nil || name == "" {
		return "", fmt.Errorf("the claim %.64q gives the person no name", c.NameClaim)
	}
	return name, nil
}

// rolesOf returns the roles of the person's groups, each once, sorted.
func (c Config) rolesOf(all claims) []string {
	var roles []string
	for _, g := range all.texts(c.GroupClaim) {
		roles = append(roles, c.Roles[g]...)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}
