package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const corpFile = `{"providers": [{
	"name": "corp", "tenant": "default", "issuer": "https://login.example.com", "client_id": "mesh", "client_secret_file": "corp.secret",
	"sign_up": true, "group_claim": "groups", "roles": {"staff": ["developer"]}
}]}`

func TestProviderFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "oidc.json")
	write(t, file, corpFile)
	write(t, filepath.Join(dir, "corp.secret"), "wag the dog\n")
	all, err := browserFlags{OIDC: file}.providers()
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v %v", all, err)
	}
	got := all[0]
	if got.Name != "corp" || got.ClientSecret != "wag the dog" || !got.SignUp || got.Roles["staff"][0] != "developer" {
		t.Errorf("%+v", got)
	}
	env := environ{"MESH_DATA=" + dir, "MESH_OIDC=" + file}
	shown := settingsOf(t, env)
	if shown["oidc"].Value != file {
		t.Errorf("%+v", shown["oidc"])
	}
	want := "https://login.example.com as mesh, tenant default, sign-up, secret (hidden)"
	if s := shown["oidc.corp"]; s.Value != want || s.Source != "file "+file {
		t.Errorf("%+v", s)
	}
	if _, out, errs := call(t, env, "", "config"); strings.Contains(out+errs, "wag the dog") {
		t.Error("the secret is shown")
	}
	if none, err := (browserFlags{}).providers(); len(none) > 0 || err != nil {
		t.Errorf("without a file: %v %v", none, err)
	}
}

func TestBadProviderFiles(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":            `{`,
		"unknown field":      `{"providers": [{"title": "corp"}]}`,
		"secret in the file": strings.Replace(corpFile, `"client_secret_file": "corp.secret"`, `"client_secret": "wag the dog"`, 1),
		"no secret file":     corpFile,
		"unsound issuer":     `{"providers": [{"name": "corp", "tenant": "default", "issuer": "http://login.example.com", "client_id": "mesh"}]}`,
		"super-admin abroad": `{"providers": [{"name": "corp", "tenant": "acme", "issuer": "https://x.example.com", "client_id": "mesh", "roles": {"x": ["super-admin"]}}]}`,
		"one name twice": `{"providers": [{"name": "corp", "tenant": "default", "issuer": "https://x.example.com", "client_id": "mesh"},
			{"name": "corp", "tenant": "default", "issuer": "https://y.example.com", "client_id": "mesh"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "oidc.json")
			write(t, file, text)
			code, out, errs := call(t, environ{"MESH_DATA=" + t.TempDir()}, "", "up", "--oidc", file)
			if code != exitUsage || !strings.Contains(errs, "cannot use the login providers of "+file) || strings.Contains(out+errs, "wag the dog") {
				t.Errorf("exit %d: %s", code, errs)
			}
		})
	}
	code, _, errs := call(t, environ{"MESH_DATA=" + t.TempDir()}, "", "up", "--oidc", filepath.Join(os.DevNull, "x"))
	if code != exitUsage {
		t.Errorf("no file: exit %d: %s", code, errs)
	}
}
