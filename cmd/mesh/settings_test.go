package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// call runs one command line in this process.
func call(t *testing.T, env environ, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &out, &errs, env)
	return code, out.String(), errs.String()
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// settingsOf returns what "mesh config" shows, by name.
func settingsOf(t *testing.T, env environ, args ...string) map[string]setting {
	t.Helper()
	code, out, errs := call(t, env, "", append(args, "config", "-o", "json")...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	var page list[setting]
	if err := json.Unmarshal([]byte(out), &page); err != nil {
		t.Fatal(err)
	}
	found := map[string]setting{}
	for _, s := range page.Items {
		found[s.Name] = s
	}
	return found
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.json")
	write(t, file, `{"url": "http://file:1", "http": "file:1", "nats": "nats://user:pass@file:1"}`)
	write(t, filepath.Join(dir, urlFile), "http://127.0.0.1:4\n")
	data := "MESH_DATA=" + dir
	for _, test := range []struct {
		name, want, source string
		env                environ
		args               []string
	}{
		{"flag", "http://flag:1", "flag", environ{data, "MESH_URL=http://env:1"}, []string{"--url", "http://flag:1"}},
		{"environment", "http://env:1", "environment MESH_URL", environ{data, "MESH_URL=http://env:1"}, nil},
		{"file", "http://file:1", "file " + file, environ{data}, nil},
		{"data directory", "http://127.0.0.1:4", "file " + filepath.Join(dir, urlFile), environ{data}, []string{"--config", os.DevNull + "x"}},
		{"default", "http://127.0.0.1:7300", "default", environ{"HOME=" + t.TempDir(), "MESH_DATA=" + t.TempDir()}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.name == "data directory" {
				empty := filepath.Join(t.TempDir(), "c.json")
				write(t, empty, `{}`)
				test.args[1] = empty
			}
			got := settingsOf(t, test.env, test.args...)["url"]
			if got.Value != test.want || got.Source != test.source {
				t.Errorf("got %s from %s, want %s from %s", got.Value, got.Source, test.want, test.source)
			}
		})
	}
	all := settingsOf(t, environ{data})
	if got := all["http"]; got.Value != "file:1" {
		t.Errorf("a setting of another command: %+v", got)
	}
	if got := all["nats"].Value; strings.Contains(got, "pass") || !strings.Contains(got, "user") {
		t.Errorf("the password in an address is not hidden: %s", got)
	}
}

func TestLocalCredentialStaysLocal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, tokenFile), "mesh_secret\n")
	write(t, filepath.Join(dir, urlFile), "http://10.0.0.1:7300\n")
	for url, want := range map[string]string{
		"":                       "mesh_secret",
		"http://10.0.0.1:7300":   "mesh_secret",
		"http://localhost:1":     "mesh_secret",
		"http://[::1]:1":         "mesh_secret",
		"http://evil.example":    "",
		"http://127.0.0.1.evil/": "",
	} {
		a := &app{root: root{Data: dir, URL: url}, settings: &settings{}}
		if _, err := a.parser(); err != nil {
			t.Fatal(err)
		}
		c, err := a.connectionFrom(func(string) string { return "test" })
		if err != nil || c.Token != want {
			t.Errorf("%s: got %q, %v; want %q", url, c.Token, err, want)
		}
	}
	got := settingsOf(t, environ{"MESH_DATA=" + dir})["token"]
	if got.Value != "(hidden)" || got.Source != "file "+filepath.Join(dir, tokenFile) {
		t.Errorf("got %+v", got)
	}
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		`{"urll": "x"}`:       `there is no setting "urll"`,
		`{"url": {"a": 1}}`:   `"url": must be a string`,
		`[1]`:                 "not a JSON object",
		`{"output": "xml"}`:   "must be one of",
		`{"url": "ftp://x/"}`: `"ftp://x/" is not the address of a mesh`,
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "config.json"), content)
		code, _, errs := call(t, nil, "", "config", "--data", dir)
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s; want %q", content, code, errs, want)
		}
	}
	if code, _, errs := call(t, nil, "", "config", "--config", "/nonexistent.json"); code != exitUsage || !strings.Contains(errs, "no such file") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

func TestDefaultDataDir(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env    environ
		asRoot bool
		want   string
	}{
		{environ{"MESH_DATA=/d", "HOME=/h"}, true, "/d"},
		{environ{"HOME=/h", "XDG_DATA_HOME=/x"}, true, "/var/lib/hivemesh"},
		{environ{"HOME=/h", "XDG_DATA_HOME=/x"}, false, "/x/hivemesh"},
		{environ{"HOME=/h"}, false, "/h/.local/share/hivemesh"},
	} {
		if got := defaultDataDir(test.env, test.asRoot); got != test.want {
			t.Errorf("%v: got %s, want %s", test.env, got, test.want)
		}
	}
}

// A credential goes to the mesh it is for: a context counts as a whole, and
// only where it is what decides on the address.
func TestContextKeepsCredentialsApart(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), t.TempDir()
	secret := filepath.Join(dir, "context.token")
	write(t, secret, "of-the-context\n")
	write(t, filepath.Join(data, "config.json"), `{"url": "http://file.example", "token": "of-the-file", "tenant": "file"}`)
	base := environ{"XDG_CONFIG_HOME=" + dir, "MESH_DATA=" + data}
	if code, _, errs := call(t, base, "", "context", "add", "prod", "--url", "http://prod.example", "--tenant", "acme", "--token-file", secret, "--use"); code != 0 {
		t.Fatal(errs)
	}
	other := environ{"MESH_URL=http://env.example", "MESH_TOKEN=of-the-environment", "MESH_TENANT=env"}
	for _, test := range []struct {
		name               string
		env                environ
		args               []string
		url, tenant, token string // the token by its source
	}{
		{"in use", nil, nil, "http://prod.example", "acme", "file " + secret},
		{"tenant by flag", nil, []string{"--tenant", "mine"}, "http://prod.example", "mine", "file " + secret},
		{"environment", other, nil, "http://env.example", "env", "environment MESH_TOKEN"},
		{"its address alone", other[:1], nil, "http://env.example", "file", "file " + filepath.Join(data, "config.json")},
		{"its token alone", other[1:2], nil, "http://prod.example", "acme", "environment MESH_TOKEN"},
		{"--context against the environment", other, []string{"--context", "prod"}, "http://prod.example", "acme", "file " + secret},
		{"MESH_CONTEXT against MESH_URL", append(other[:1:1], "MESH_CONTEXT=prod"), nil, "http://env.example", "file", "file " + filepath.Join(data, "config.json")},
		{"--url against --context", nil, []string{"--url", "http://flag.example", "--context", "prod"}, "http://flag.example", "file", "file " + filepath.Join(data, "config.json")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := settingsOf(t, append(base[:2:2], test.env...), test.args...)
			if got["url"].Value != test.url || got["tenant"].Value != test.tenant || got["token"].Source != test.token {
				t.Errorf("got %s, %s, %s; want %s, %s, %s", got["url"].Value, got["tenant"].Value, got["token"].Source, test.url, test.tenant, test.token)
			}
		})
	}
}

func TestBreachedPasswords(t *testing.T) {
	t.Parallel()
	for _, from := range []string{t.TempDir(), "/nonexistent", "http://lists.example/range", "ftp://lists.example/"} {
		code, _, errs := call(t, environ{"MESH_DATA=" + t.TempDir()}, "", "up", "--http", "127.0.0.1:0", "--breached-passwords", from)
		if code != exitUsage || !strings.Contains(errs, "--breached-passwords") {
			t.Errorf("%s: exit %d, %s", from, code, errs)
		}
	}
}
