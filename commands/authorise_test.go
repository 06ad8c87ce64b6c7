package commands

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryCommandIsGranted finds the commands that the source names: one that
// is granted to nobody is denied to all, and one that is only granted is a
// spelling mistake.
func TestEveryCommandIsGranted(t *testing.T) {
	t.Parallel()
	names := regexp.MustCompile(`"((?:task|agent|event|projection)\.[a-z_]+)"`)
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	carried, granted := map[string]bool{}, map[string]bool{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := carried
		if path == "authorise.go" {
			found = granted
		}
		for _, m := range names.FindAllStringSubmatch(string(source), -1) {
			found[m[1]] = true
		}
	}
	if len(carried) == 0 {
		t.Fatal("no command was found in the source")
	}
	for command := range carried {
		if len(grants(command)) == 0 {
			t.Errorf("%s is granted to nobody: add it to authorise.go", command)
		}
	}
	for command := range granted {
		if !carried[command] {
			t.Errorf("authorise.go grants %s, and there is no such command", command)
		}
	}
}
