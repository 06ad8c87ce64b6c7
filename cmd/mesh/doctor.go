package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/embedded"
)

// doctorCmd is "mesh doctor".
type doctorCmd struct{}

// Limits of what doctor finds healthy.
const (
	maxSkew  = 2 * time.Second
	tokenOff = 0o077 // permission bits that a credential's file must not have
)

// Run checks everything that can be checked from here and prints a table. It
// fails when something is wrong; a warning alone is no failure.
func (cmd *doctorCmd) Run(ctx context.Context, a *app) error {
	checks := a.localChecks()
	conn, err := a.connection()
	if err == nil {
		checks = append(checks, a.serverChecks(ctx, conn)...)
	} else {
		checks = append(checks, client.Check{Name: "connection", Detail: err.Error()})
	}
	wrong := 0
	for _, c := range checks {
		if !c.OK && !c.Warn {
			wrong++
		}
	}
	if ctx.Err() != nil {
		return ctx.Err() // what was asked meanwhile tells nothing
	}
	if err := a.printChecks(checks, wrong == 0); err != nil {
		return err
	}
	if wrong > 0 {
		return &failure{Exit: exitFailed, Code: "unhealthy", Message: fmt.Sprintf("%d of %d checks failed", wrong, len(checks))}
	}
	return nil
}

func (a *app) printChecks(checks []client.Check, healthy bool) error {
	if a.json() {
		return a.printJSON(client.Readiness{Ready: healthy, Checks: checks})
	}
	t := &table{header: []string{"", "CHECK", "DETAIL"}}
	for _, c := range checks {
		mark := cell{"ok", green}
		switch {
		case c.Warn:
			mark = cell{"warn", yellow}
		case !c.OK:
			mark = cell{"FAIL", red}
		}
		t.add(mark, text(c.Name), text(oneLine(c.Detail, 300)))
	}
	return a.printTable(t, "")
}

// localChecks look at this machine only.
func (a *app) localChecks() []client.Check {
	config := client.Check{Name: "configuration", OK: true, Detail: a.settings.file}
	if a.settings.keys == nil {
		config.Detail += " (none; defaults and environment)"
	}
	checks := []client.Check{config, a.checkData()}
	if info, err := os.Stat(filepath.Join(a.root.Data, tokenFile)); err == nil {
		c := client.Check{Name: "credential file", OK: info.Mode()&tokenOff == 0, Detail: fmt.Sprintf("%s, mode %o", filepath.Join(a.root.Data, tokenFile), info.Mode().Perm())}
		if !c.OK {
			c.Detail += ": others can read it; chmod 600"
		}
		checks = append(checks, c)
	}
	return checks
}

// checkData looks at the data directory's disk.
func (a *app) checkData() client.Check {
	c := client.Check{Name: "data directory", OK: true, Detail: a.root.Data}
	if _, err := os.Stat(a.root.Data); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return client.Check{Name: c.Name, Detail: err.Error()}
		}
		c.Detail += " does not exist: no mesh has been started here"
		return c
	}
	free, total, err := embedded.DiskFree(a.root.Data)
	if err != nil {
		return client.Check{Name: c.Name, Detail: fmt.Sprintf("%s: %v", a.root.Data, err)}
	}
	c.Detail = fmt.Sprintf("%s: %s of %s free", a.root.Data, bytesText(int64(free)), bytesText(int64(total)))
	c.Warn = free < lowDiskBytes || float64(free) < lowDiskShare*float64(total)
	if room(a.root.Data) != nil {
		c.OK, c.Warn = false, false
		c.Detail += ": full; what keeps its data here cannot write"
	}
	return c
}

// serverChecks ask the mesh.
func (a *app) serverChecks(ctx context.Context, conn connection) []client.Check {
	reach, skew := checkReach(ctx, conn)
	if !reach.OK {
		return []client.Check{reach}
	}
	checks := []client.Check{reach, skew}
	c, err := a.connect()
	if err != nil {
		return append(checks, client.Check{Name: "client", Detail: err.Error()})
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	checks = append(checks, a.checkCredential(ctx, c, conn), checkVersion(ctx, c))
	ready, err := c.Ready(ctx)
	if err != nil {
		return append(checks, client.Check{Name: "readiness", Detail: err.Error()})
	}
	for _, r := range ready.Checks {
		r.Name = "mesh: " + r.Name
		checks = append(checks, r)
	}
	return checks
}

// checkReach asks for the mesh's health, and compares its clock with ours.
func checkReach(ctx context.Context, conn connection) (reach, skew client.Check) {
	reach = client.Check{Name: "mesh", Detail: conn.URL + ", from " + conn.URLSource}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, conn.URL+"/healthz", http.NoBody)
	if err != nil {
		reach.Detail = err.Error()
		return reach, skew
	}
	sent := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		reach.Detail = fmt.Sprintf("%s: %v; start one with mesh up, or set MESH_URL", conn.URL, err)
		return reach, skew
	}
	defer response.Body.Close()
	took := time.Since(sent)
	if response.StatusCode != http.StatusOK {
		reach.Detail = fmt.Sprintf("%s answers %s", conn.URL, response.Status)
		return reach, skew
	}
	reach.OK = true
	reach.Detail += ", answers in " + span(took)
	return reach, checkClock(response.Header.Get("Date"), sent.Add(took/2))
}

// checkClock compares the server's Date header, which has whole seconds, with
// our clock at the same moment.
func checkClock(date string, local time.Time) client.Check {
	c := client.Check{Name: "clock"}
	remote, err := http.ParseTime(date)
	if err != nil {
		c.OK, c.Warn, c.Detail = true, true, "the mesh did not tell its time"
		return c
	}
	d := local.Sub(remote.Add(500 * time.Millisecond)).Abs()
	c.OK = d <= maxSkew
	c.Detail = "differs from the mesh's by less than " + span(maxSkew)
	if !c.OK {
		c.Detail = "differs from the mesh's by about " + span(d) + ": synchronise the clocks"
	}
	return c
}

func (a *app) checkCredential(ctx context.Context, c *client.Client, conn connection) client.Check {
	check := client.Check{Name: "credential", OK: true, Detail: "accepted, from " + conn.TokenSource}
	_, err := c.Agents(ctx, client.ListOptions{Limit: 1})
	switch {
	case client.IsUnauthenticated(err) || client.IsDenied(err):
		check.OK = false
		check.Detail = "refused, from " + conn.TokenSource
		if conn.Token == "" {
			check.Detail = "none found: set MESH_TOKEN, or --data to the mesh's data directory"
		}
	case err != nil:
		check.Warn, check.Detail = true, "not checked: "+err.Error()
	}
	return check
}

func checkVersion(ctx context.Context, c *client.Client) client.Check {
	check := client.Check{Name: "version", OK: true}
	server, err := c.Version(ctx)
	if err != nil {
		check.OK, check.Detail = false, err.Error()
		return check
	}
	own := buildVersion()
	check.Detail = server.Version
	if server.Version != own.Version || server.Commit != own.Commit {
		check.Warn, check.Detail = true, "the mesh is "+versionText(server)+", this program "+versionText(own)
	}
	return check
}
