package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// environ is an environment as "NAME=value" entries; the last entry of a name
// counts.
type environ []string

// get returns the value of a variable, "" when it is not set.
func (e environ) get(name string) string {
	for _, kv := range slices.Backward(e) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// without returns the environment without the named variables.
func (e environ) without(names ...string) environ {
	return slices.DeleteFunc(slices.Clone(e), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name)
	})
}

// settings gives the flags tagged "config" that the command line leaves out a
// value from the environment (MESH_…), else from the context, else from the
// configuration file. It is a kong.Resolver.
type settings struct {
	env  environ
	file string // path of the file that was looked for
	keys map[string]json.RawMessage
	read bool

	context chosenContext
}

// Validate has nothing to check before parsing.
func (s *settings) Validate(*kong.Application) error { return nil }

// Resolve returns the value of a flag that was not given, or nil.
func (s *settings) Resolve(c *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
	if err := s.load(c); err != nil {
		return nil, err
	}
	value, _, err := s.lookup(f)
	if err != nil || value == "" {
		return nil, err
	}
	return value, nil
}

// lookup returns the value that environment, context or file give for a flag,
// and which of them it was; "" when none does.
func (s *settings) lookup(f *kong.Flag) (value, source string, err error) {
	if !f.Tag.Has("config") {
		return "", "", nil
	}
	value, source, inContext := s.context.setting(f.Name)
	if v := s.env.get(envName(f.Name)); v != "" && (!inContext || !s.context.byFlag) {
		return v, "environment " + envName(f.Name), nil
	}
	if inContext {
		return value, source, nil
	}
	raw, ok := s.keys[fileKey(f.Name)]
	if !ok {
		return "", "", nil
	}
	v, err := settingText(raw)
	if err != nil {
		return "", "", fmt.Errorf("%s: %q: %w", s.file, fileKey(f.Name), err)
	}
	return v, "file " + s.file, nil
}

// load reads the configuration file once: the one named by flag or
// environment, which must exist, else config.json in the data directory.
func (s *settings) load(c *kong.Context) error {
	if s.read {
		return nil
	}
	s.read = true
	s.context = s.choose(c)
	data := s.early(c, "data")
	if data == "" {
		data = defaultDataDir(s.env, os.Geteuid() == 0)
	}
	named := s.early(c, "config")
	s.file = named
	if named == "" {
		s.file = filepath.Join(data, "config.json")
	}
	text, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) && named == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&s.keys); err != nil {
		return fmt.Errorf("%s: not a JSON object of settings: %w", s.file, err)
	}
	return s.checkKeys(c)
}

// checkKeys refuses a setting that no command has.
func (s *settings) checkKeys(c *kong.Context) error {
	known := map[string]bool{}
	for _, f := range configFlags(c.Model) {
		known[fileKey(f.Name)] = true
	}
	delete(known, "config")
	delete(known, "context")
	for key := range s.keys {
		if !known[key] {
			return fmt.Errorf("%s: there is no setting %q; see mesh config", s.file, key)
		}
	}
	return nil
}

// early returns a root flag before everything is resolved: as given on the
// command line, else in the environment.
func (s *settings) early(c *kong.Context, name string) string {
	if v := given(c, name); v != "" {
		return v
	}
	return s.env.get(envName(name))
}

// configFlags returns every flag tagged "config", of all commands, each name once.
func configFlags(m *kong.Application) []*kong.Flag {
	seen := map[string]bool{}
	var flags []*kong.Flag
	add := func(n *kong.Node) {
		for _, f := range n.Flags {
			if f.Tag.Has("config") && !seen[f.Name] {
				seen[f.Name] = true
				flags = append(flags, f)
			}
		}
	}
	add(m.Node)
	for _, leaf := range m.Leaves(false) {
		for n := leaf; n != nil && n != m.Node; n = n.Parent {
			add(n)
		}
	}
	return flags
}

func envName(flag string) string { return "MESH_" + strings.ToUpper(fileKey(flag)) }
func fileKey(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// settingText returns a JSON string, number, boolean, or list of strings as a
// flag would be given.
func settingText(raw json.RawMessage) (string, error) {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, ","), nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case bool, float64:
		return string(raw), nil
	}
	return "", errors.New("must be a string, a number, true, false or a list of strings")
}

// defaultDataDir returns where a mesh of this user keeps its data.
func defaultDataDir(env environ, asRoot bool) string {
	if dir := env.get("MESH_DATA"); dir != "" {
		return dir
	}
	if asRoot {
		return "/var/lib/hivemesh"
	}
	if dir := env.get("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "hivemesh")
	}
	return filepath.Join(env.get("HOME"), ".local", "share", "hivemesh")
}
