package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// TestImportKilled: an import that is killed at random points goes on where it
// was, and in the end there is what one import without a stop leaves.
func TestImportKilled(t *testing.T) {
	t.Parallel()
	const files, parts = 60, 12
	m := apitest.Start(t, apitest.Config{})
	dir := t.TempDir()
	for i := range files {
		var text strings.Builder
		for n := range parts {
			fmt.Fprintf(&text, "# Part %d of book %d\n\n%s\n\n", n, i, strings.Repeat(fmt.Sprintf("Sentence %d.%d says something of its own. ", i, n), 20))
		}
		write(t, filepath.Join(dir, fmt.Sprintf("book%02d.md", i)), text.String())
	}
	for _, at := range []int64{1, 1 + rand.Int64N(files/2)} { // documents that are there when it is killed
		cmd, _ := importing(t, m, dir, "killed")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		apitest.Eventually(t, func() bool {
			s, err := m.Client.MemoryStats(t.Context(), "")
			return err == nil && int64(s.Documents) >= at
		})
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}
	first := imported(t, m, dir, "killed")
	if first.Failed != 0 || first.Unchanged == 0 || first.Imported+first.Unchanged != files {
		t.Errorf("after it was killed: %+v", first)
	}
	if again := imported(t, m, dir, "killed"); again.Unchanged != files || again.New != 0 || again.Gone != 0 {
		t.Errorf("once more: %+v", again)
	}
	if whole := imported(t, m, dir, "whole"); whole.Imported != files {
		t.Errorf("without a stop: %+v", whole)
	}
	var whole map[string]string
	apitest.Eventually(t, func() bool { // the read model has heard of the last import
		whole = passages(t, m, "whole")
		return len(whole) == files*parts
	})
	if diff := cmp.Diff(whole, passages(t, m, "killed")); diff != "" {
		t.Errorf("(-without a stop +killed)\n%s", diff)
	}
}

func importing(t *testing.T, m *apitest.Mesh, dir, prefix string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "mesh", "memory", "import", dir, "--prefix", prefix, "-o", "json")
	cmd.Env = append(os.Environ(), "MESH_URL="+m.URL, "MESH_TOKEN="+m.Token, "MESH_DATA="+t.TempDir())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	return cmd, &out
}

func imported(t *testing.T, m *apitest.Mesh, dir, prefix string) importCount {
	t.Helper()
	cmd, out := importing(t, m, dir, prefix)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	var n importCount
	if err := json.Unmarshal(out.Bytes(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// passages are the live ones below a prefix, by where they stand.
func passages(t *testing.T, m *apitest.Mesh, prefix string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for o := (client.ListOptions{Filter: "kind:chunk status:live", Limit: 1000}); ; {
		page, err := m.Client.Memories(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Items {
			if name, ok := strings.CutPrefix(c.Place.URI, prefix+"/"); ok {
				found[fmt.Sprintf("%s:%d", name, c.Place.Start)] = c.Text
			}
		}
		if o.Cursor = page.Next; o.Cursor == "" {
			return found
		}
	}
}
