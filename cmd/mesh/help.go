package main

import (
	"fmt"
	"slices"
	"strings"
)

// helpCmd is "mesh help".
type helpCmd struct {
	Topic []string `arg:"" optional:"" help:"A command, or a topic."`
}

// Run prints a topic, or the help of a command.
func (cmd *helpCmd) Run(a *app) error {
	if len(cmd.Topic) == 1 {
		for _, t := range topics() {
			if t.name == cmd.Topic[0] {
				_, err := fmt.Fprint(a.stdout, strings.TrimPrefix(t.text, "\n"))
				return err
			}
		}
	}
	again := &app{stdin: a.stdin, stdout: a.stdout, stderr: a.stderr, env: a.env, settings: a.settings}
	parser, err := again.parser()
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	helped := false
	parser.Exit = func(int) { helped = true }
	_, _ = parser.Parse(append(slices.Clone(cmd.Topic), "--help")) // it fails for what --help left out
	if !helped {
		return &failure{Exit: exitUsage, Code: "no_topic", Message: fmt.Sprintf("there is no command or topic %q", strings.Join(cmd.Topic, " ")), Hint: "topics: " + strings.Join(topicNames(), ", ")}
	}
	return nil
}

// topic is something that help explains beside the commands.
type topic struct{ name, text string }

func topics() []topic {
	return []topic{
		{"agent-programs", helpAgentPrograms},
		{"configuration", helpConfiguration},
		{"exit-codes", helpExitCodes},
		{"filter", helpFilter},
	}
}

func topicNames() []string {
	var names []string
	for _, t := range topics() {
		names = append(names, t.name)
	}
	return names
}
