package main

import (
	"cmp"
	"context"
	"net/url"
	"os"

	"github.com/alecthomas/kong"
)

// configCmd is "mesh config".
type configCmd struct{}

// setting is one line of "mesh config".
type setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Env    string `json:"env"`
}

// Run prints each setting, its value, and where that comes from.
func (cmd *configCmd) Run(_ context.Context, a *app) error {
	conn, err := a.connection()
	if err != nil {
		return err
	}
	var all []setting
	for _, f := range configFlags(a.parsed.Model) {
		s, err := a.setting(f)
		if err != nil {
			return err
		}
		switch f.Name {
		case "url":
			s.Value, s.Source = conn.URL, conn.URLSource
		case "token":
			s.Value, s.Source = conn.Token, cmp.Or(conn.TokenSource, "nowhere")
		case "context":
			s.Value, s.Source = a.settings.context.name, cmp.Or(a.settings.context.source, "default")
		case "data":
			s.Value = a.root.Data
		case "config":
			s.Value = a.settings.file
			if _, err := os.Stat(a.settings.file); err != nil && s.Source == "default" {
				s.Source = "default (no such file)"
			}
		}
		s.Value = shown(f, s.Value)
		all = append(all, s)
		if f.Name == "oidc" {
			all = append(all, providerSettings(s)...)
		}
	}
	if a.json() {
		return printList(a, all, "")
	}
	t := &table{header: []string{"NAME", "VALUE", "SOURCE", "ENVIRONMENT"}}
	for _, s := range all {
		t.add(text(s.Name), text(s.Value), text(s.Source), cell{s.Env, faint})
	}
	return a.printTable(t, "")
}

// providerSettings shows the login providers of a file, one line each.
func providerSettings(file setting) []setting {
	entries, err := readProviders(file.Value)
	if err != nil {
		return []setting{{Name: "oidc", Value: "(cannot be read)", Source: "file " + file.Value}}
	}
	all := make([]setting, 0, len(entries))
	for _, e := range entries {
		all = append(all, setting{Name: "oidc." + e.Name, Value: e.describe(), Source: "file " + file.Value})
	}
	return all
}

// setting finds the value and the source of a flag, of whatever command.
func (a *app) setting(f *kong.Flag) (setting, error) {
	s := setting{Name: f.Name, Env: envName(f.Name), Value: f.Default, Source: a.source(f.Name)}
	if s.Source == "flag" {
		for _, p := range a.parsed.Path {
			if p.Flag != nil && p.Flag.Name == f.Name {
				s.Value = p.Flag.Target.String()
			}
		}
		return s, nil
	}
	value, _, err := a.settings.lookup(f)
	if value != "" {
		s.Value = value
	}
	return s, err
}

// source says where the value of a flag comes from.
func (a *app) source(name string) string {
	for _, p := range a.parsed.Path {
		if p.Flag != nil && p.Flag.Name == name && !p.Resolved {
			return "flag"
		}
	}
	for _, f := range configFlags(a.parsed.Model) {
		if f.Name != name {
			continue
		}
		if _, source, err := a.settings.lookup(f); err == nil && source != "" {
			return source
		}
	}
	return "default"
}

// shown hides what is secret: a token whole, of an address its password.
func shown(f *kong.Flag, value string) string {
	if !f.Tag.Has("secret") || value == "" {
		return value
	}
	if u, err := url.Parse(value); err == nil && u.Host != "" {
		return u.Redacted()
	}
	return "(hidden)"
}
