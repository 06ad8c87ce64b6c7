package main

import (
	"fmt"
	"os"

	"github.com/hivemesh/hivemesh/api"
)

//go:generate go run . openapi --out ../../docs/openapi.json

// openapiCmd writes the description of the HTTP interface.
type openapiCmd struct {
	Out string `help:"File to write (default: standard output)." placeholder:"FILE"`
}

// Run writes the document; it needs no mesh.
func (c *openapiCmd) Run(a *app) error {
	document, err := api.OpenAPI()
	if err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	if c.Out == "" {
		_, err = a.stdout.Write(document)
		return err
	}
	return os.WriteFile(c.Out, document, 0o644)
}
