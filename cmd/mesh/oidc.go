package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/auth/oidc"
)

// browserFlags is what logins by a browser need.
type browserFlags struct {
	PublicURL string `help:"Address that browsers reach the mesh by, such as https://mesh.example.com; without one it is http://localhost and the port." name:"public-url" config:"" placeholder:"URL"`
	OIDC      string `help:"JSON file of login providers (OpenID Connect)." name:"oidc" config:"" placeholder:"FILE"`
}

// providerEntry is a login provider as it stands in the file.
type providerEntry struct {
	oidc.Config
	ClientSecretFile string `json:"client_secret_file"` // path, from the folder of the file
	SignUp           bool   `json:"sign_up"`
}

const maxProviderFile = 1 << 20 // bytes

// providers reads the login providers, and their secrets.
func (f browserFlags) providers() ([]login.ProviderConfig, error) {
	entries, err := readProviders(f.OIDC)
	if err != nil {
		return nil, err
	}
	var all []login.ProviderConfig
	for _, e := range entries {
		if e.ClientSecretFile != "" {
			path := e.ClientSecretFile
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(f.OIDC), path)
			}
			secret, err := os.ReadFile(path)
			if err != nil {
				return nil, badProviders(f.OIDC, fmt.Errorf("%s: read the client's secret: %w", e.Name, err))
			}
			e.ClientSecret = strings.TrimSpace(string(secret))
		}
		all = append(all, login.ProviderConfig{Config: e.Config, SignUp: e.SignUp})
	}
	if err := login.CheckProviders(all); err != nil {
		return nil, badProviders(f.OIDC, err)
	}
	return all, nil
}

// readProviders reads the file without any secret; there is none without a file.
func readProviders(path string) ([]providerEntry, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, badProviders(path, err)
	}
	if len(text) > maxProviderFile {
		return nil, badProviders(path, fmt.Errorf("it has more than %d bytes", maxProviderFile))
	}
	var file struct {
		Providers []providerEntry `json:"providers"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, badProviders(path, err)
	}
	for _, e := range file.Providers {
		if e.ClientSecret != "" {
			return nil, badProviders(path, fmt.Errorf("%s: the secret belongs in a file of its own, which client_secret_file names", e.Name))
		}
	}
	return file.Providers, nil
}

func badProviders(path string, err error) error {
	return &failure{Exit: exitUsage, Code: "bad_providers", Message: fmt.Sprintf("cannot use the login providers of %s: %v", path, err), Hint: "see docs/operations.md, Login providers"}
}

// describe tells what a provider is for, without its secret.
func (e providerEntry) describe() string {
	text := e.Issuer + " as " + e.ClientID + ", tenant " + e.Tenant
	if e.SignUp {
		text += ", sign-up"
	}
	if e.ClientSecretFile != "" {
		text += ", secret (hidden)"
	}
	return text
}
