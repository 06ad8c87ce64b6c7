package main

import (
	"strings"

	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/memory/embed/ngram"
	"github.com/hivemesh/hivemesh/memory/embed/openai"
)

// embedderFlags say what makes texts findable by meaning.
type embedderFlags struct {
	Embedder       string   `help:"What embeds texts: builtin, which compares words and their parts, or an OpenAI-compatible endpoint as URL#MODEL, such as http://127.0.0.1:11434/v1#nomic-embed-text." name:"embedder" default:"builtin" config:"" placeholder:"builtin|URL#MODEL"`
	EmbedderKey    string   `help:"File with the key of the endpoint." name:"embedder-key-file" config:"" placeholder:"FILE"`
	EmbedderRate   int      `help:"Requests a minute to the endpoint; 0 = not limited." name:"embedder-rate" default:"0" config:"" placeholder:"N"`
	EmbedderBefore []string `help:"What embedded texts before: searches go on by it until the new one knows everything." name:"embedder-before" placeholder:"URL#MODEL"`
}

// embedders returns the wanted provider, then those that may still be needed.
// The built-in one is always there.
func (f embedderFlags) embedders() ([]embed.Provider, error) {
	var all []embed.Provider
	for _, name := range append([]string{f.Embedder}, f.EmbedderBefore...) {
		p, err := f.embedder(name)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	builtin, err := ngram.New(0)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Model() == builtin.Model() {
			return all, nil
		}
	}
	return append(all, builtin), nil
}

func (f embedderFlags) embedder(name string) (embed.Provider, error) {
	if name == "" || name == "builtin" {
		return ngram.New(0)
	}
	url, model, ok := strings.Cut(name, "#")
	if !ok {
		return nil, usagef("--embedder: %q is neither builtin nor URL#MODEL", name)
	}
	cfg := openai.Config{BaseURL: url, Model: model, RequestsPerMinute: f.EmbedderRate}
	if f.EmbedderKey != "" {
		key, err := openai.ReadKey(f.EmbedderKey)
		if err != nil {
			return nil, usagef("--embedder-key-file: %v", err)
		}
		cfg.Key = key
	}
	p, err := openai.New(cfg)
	if err != nil {
		return nil, usagef("--embedder: %v", err)
	}
	return p, nil
}
