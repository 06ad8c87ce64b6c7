package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlanDemo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, sub := range []string{".git", "node_modules", "vendor", "pkg", "other"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, sub, "a.go"), "package a\n")
	}
	write(t, filepath.Join(dir, "go.mod"), "module m\n")
	write(t, filepath.Join(dir, "other", "go.mod"), "module o\n")
	write(t, filepath.Join(dir, "large.txt"), strings.Repeat("x", maxDemoFile+1))
	p, err := planDemo(dir, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, task := range p.tasks {
		got = append(got, task.Check+" "+task.Path)
	}
	want := []string{
		"checksum go.mod", "stats go.mod",
		"checksum other/a.go", "stats other/a.go", "syntax other/a.go", "format other/a.go",
		"checksum other/go.mod", "stats other/go.mod",
		"vet pkg",
		"checksum pkg/a.go", "stats pkg/a.go", "syntax pkg/a.go", "format pkg/a.go",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if p.files != 4 || p.cut {
		t.Errorf("%d files, cut %t", p.files, p.cut)
	}
	if p, err = planDemo(dir, 2); err != nil || p.files != 2 || !p.cut {
		t.Errorf("with a limit: %d files, cut %t, %v", p.files, p.cut, err)
	}
}

func TestDemoWorker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"bad.go": "package a\n\nfunc f( {\n", "ugly.go": "package a\nfunc  f() {}\n", "fine.go": "package a\n",
		"bad.json": "{\"a\": 1,\n \"b\": }\n", "fine.json": "{}", "bad.xml": "<a>\n<b", "bad.yaml": "a:\n\tb: 1\n",
		"bad.sh": "if true\nthen\n", "text.txt": "two words\nno newline", "bin": "a\x00b",
		"go.mod": "module example.com/m\n\ngo 1.24\n", "vet.go": "package a\n\nimport \"fmt\"\n\nfunc g() { fmt.Printf(\"%d\", \"x\") }\n",
	} {
		write(t, filepath.Join(dir, name), content)
	}
	vetDir := filepath.Join(dir, "v")
	if err := os.Mkdir(vetDir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(vetDir, "v.go"), "package v\n\nimport \"fmt\"\n\nfunc g() { fmt.Printf(\"%d\", \"x\") }\n")
	for _, test := range []struct {
		check, path string
		want        finding
	}{
		{"checksum", "fine.json", finding{SHA256: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", Bytes: 2}},
		{"stats", "text.txt", finding{Bytes: 20, Lines: 2, Words: 4}},
		{"stats", "bin", finding{Bytes: 3, Binary: true}},
		{"format", "ugly.go", finding{Unformatted: true}},
		{"format", "fine.go", finding{}},
		{"format", "bad.go", finding{}},
		{"syntax", "fine.go", finding{}},
		{"syntax", "fine.json", finding{}},
		{"syntax", "bad.go", finding{Errors: []string{"bad.go:3:"}}},
		{"syntax", "bad.json", finding{Errors: []string{"bad.json:2:"}}},
		{"syntax", "bad.xml", finding{Errors: []string{"bad.xml:2:"}}},
		{"syntax", "bad.yaml", finding{Errors: []string{"bad.yaml:2: a tab"}}},
		{"syntax", "bad.sh", finding{Errors: []string{"bad.sh:"}}},
		{"vet", "v", finding{Errors: []string{"v/v.go:5:"}}},
	} {
		t.Run(test.check+" "+test.path, func(t *testing.T) {
			t.Parallel()
			input, err := json.Marshal(demoTask{test.check, dir, test.path})
			if err != nil {
				t.Fatal(err)
			}
			code, out, errs := call(t, os.Environ(), string(input), "demo-worker", test.check)
			if code != 0 {
				t.Fatalf("exit %d: %s", code, errs)
			}
			var got finding
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			test.want.Check, test.want.Path = test.check, test.path
			for i := range min(len(got.Errors), len(test.want.Errors)) {
				if strings.HasPrefix(got.Errors[i], test.want.Errors[i]) {
					got.Errors[i] = test.want.Errors[i]
				}
			}
			got.Errors = got.Errors[:min(len(got.Errors), max(1, len(test.want.Errors)))]
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if code, _, _ := call(t, nil, "no json", "demo-worker", "stats"); code != exitPermanent {
		t.Errorf("bad input: exit %d, want %d", code, exitPermanent)
	}
}

func TestDemoOfNothing(t *testing.T) {
	t.Parallel()
	code, out, errs := call(t, nil, "", "demo", t.TempDir())
	if code != exitOK || out != "" || !strings.Contains(errs, "There is nothing to do") {
		t.Errorf("exit %d, %s, %s", code, out, errs)
	}
}

func TestDemoVerdict(t *testing.T) {
	t.Parallel()
	var good demoReport
	if err := json.Unmarshal([]byte(`{"verified":[{"projection":"tasks","equal":true}]}`), &good); err != nil {
		t.Fatal(err)
	}
	if err := good.verdict(); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for name, spoil := range map[string]func(r *demoReport){
		"lost":          func(r *demoReport) { r.Lost = []string{"x"} },
		"not completed": func(r *demoReport) { r.NotCompleted = []string{"x"} },
		"unverified":    func(r *demoReport) { r.Verified = nil },
		"different":     func(r *demoReport) { r.Verified = append(r.Verified[:1:1], r.Verified[0]); r.Verified[1].Equal = false },
	} {
		bad := good
		spoil(&bad)
		if bad.verdict() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
