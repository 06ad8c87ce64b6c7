package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// requestTimeout bounds a single question to the mesh that should be quick.
const requestTimeout = 5 * time.Second

// versionCmd is "mesh version".
type versionCmd struct {
	Local bool `help:"Only this program's version; do not ask the mesh."`
}

// versions is what JSON output shows.
type versions struct {
	Client client.Version  `json:"client"`
	Server *client.Version `json:"server,omitempty"`
}

// Run prints the version of this program and, when one answers, of the mesh.
func (cmd *versionCmd) Run(ctx context.Context, a *app) error {
	v := versions{Client: buildVersion()}
	if !cmd.Local {
		if c, err := a.connect(); err == nil {
			ctx, cancel := context.WithTimeout(ctx, requestTimeout)
			defer cancel()
			if server, err := c.Version(ctx); err == nil {
				v.Server = &server
			}
		}
	}
	if a.json() {
		return a.printJSON(v)
	}
	fmt.Fprintln(a.stdout, "mesh  ", versionText(v.Client))
	if v.Server != nil {
		fmt.Fprintln(a.stdout, "server", versionText(*v.Server))
	}
	return nil
}

func versionText(v client.Version) string {
	s := v.Version
	if v.Commit != "" {
		s += " (" + v.Commit + ")"
	}
	return s + " " + v.GoVersion
}

// buildVersion returns what this program was built from, as the Go tool
// recorded it.
func buildVersion() client.Version {
	v := client.Version{Version: "dev", GoVersion: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if m := info.Main.Version; m != "" && m != "(devel)" {
		v.Version = m
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value[:min(12, len(s.Value))]
		}
	}
	return v
}

// wireVersion is what the mesh tells about itself.
func wireVersion(epoch string) client.Version {
	v := buildVersion()
	v.Epoch = epoch
	return v
}
