package main

import (
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/memory/embed/openai"
	"github.com/hivemesh/hivemesh/memory/summarise"
	"github.com/hivemesh/hivemesh/workers/consolidator"
)

// summariserFlags say what shortens the episodes of agents that sleep.
type summariserFlags struct {
	Summariser     string `help:"What summarises the episodes of agents that sleep: builtin, which picks sentences, or an OpenAI-compatible endpoint as URL#MODEL, such as http://127.0.0.1:11434/v1#qwen3." name:"summariser" default:"builtin" config:"" placeholder:"builtin|URL#MODEL"`
	SummariserKey  string `help:"File with the key of that endpoint." name:"summariser-key-file" config:"" placeholder:"FILE"`
	SummariserRate int    `help:"Requests a minute to that endpoint; 0 = not limited." name:"summariser-rate" default:"0" config:"" placeholder:"N"`
}

// summariserTimeout is what a model may take on a small machine.
const summariserTimeout = 3 * time.Minute

func (f summariserFlags) summariser() (consolidator.Summariser, error) {
	if f.Summariser == "" || f.Summariser == "builtin" {
		return summarise.Extractive{}, nil
	}
	url, model, ok := strings.Cut(f.Summariser, "#")
	if !ok {
		return nil, usagef("--summariser: %q is neither builtin nor URL#MODEL", f.Summariser)
	}
	cfg := openai.Config{BaseURL: url, Model: model, RequestsPerMinute: f.SummariserRate, Timeout: summariserTimeout}
	if f.SummariserKey != "" {
		key, err := openai.ReadKey(f.SummariserKey)
		if err != nil {
			return nil, usagef("--summariser-key-file: %v", err)
		}
		cfg.Key = key
	}
	chat, err := openai.NewChat(cfg)
	if err != nil {
		return nil, usagef("--summariser: %v", err)
	}
	return chat, nil
}
