package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// maxDemoFile is the largest file, in bytes, that the demo looks into.
const maxDemoFile = 1 << 20

// demoTask is one piece of work of the demo: a check of a file, or of a
// package directory. It is also the input of the worker.
type demoTask struct {
	Check string `json:"check"`
	Root  string `json:"root"`
	Path  string `json:"path"` // below Root
}

// demoPlan is everything that the demo will do.
type demoPlan struct {
	root  string
	files int
	cut   bool // there were more files than allowed
	tasks []demoTask
}

// planDemo finds the files below dir and what is to be done with them.
func planDemo(dir string, maxFiles int) (demoPlan, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return demoPlan{}, fmt.Errorf("find %s: %w", dir, err)
	}
	info, err := os.Stat(root)
	if err != nil || !info.IsDir() {
		return demoPlan{}, &failure{Exit: exitUsage, Code: "no_directory", Message: fmt.Sprintf("%s is not a directory", dir)}
	}
	if maxFiles < 1 {
		return demoPlan{}, usagef("--max-files: %d is less than 1", maxFiles)
	}
	p := demoPlan{root: root}
	packages := map[string]bool{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // what may not be read is left out
		case d.IsDir() && path != root && skippedDir(d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		case p.files == maxFiles:
			p.cut = true
			return fs.SkipAll
		}
		p.addFile(path, d, packages)
		return nil
	})
	if err != nil {
		return demoPlan{}, fmt.Errorf("list %s: %w", dir, err)
	}
	p.addPackages(packages)
	return p, nil
}

// addFile plans the checks of one file.
func (p *demoPlan) addFile(path string, d fs.DirEntry, packages map[string]bool) {
	info, err := d.Info()
	if err != nil || info.Size() > maxDemoFile {
		return
	}
	name, err := filepath.Rel(p.root, path)
	if err != nil {
		return
	}
	p.files++
	ext := strings.ToLower(filepath.Ext(name))
	checks := []string{"checksum", "stats"}
	if syntaxChecker(ext) != nil {
		checks = append(checks, "syntax")
	}
	if ext == ".go" {
		checks = append(checks, "format")
		if !strings.Contains(filepath.ToSlash(name), "testdata/") {
			packages[filepath.Dir(name)] = true
		}
	}
	for _, check := range checks {
		p.tasks = append(p.tasks, demoTask{check, p.root, name})
	}
}

// addPackages plans go vet for the packages of the module at the root, where
// there is one and the go tool.
func (p *demoPlan) addPackages(packages map[string]bool) {
	if _, err := exec.LookPath("go"); err != nil || !exists(filepath.Join(p.root, "go.mod")) {
		return
	}
	for dir := range packages {
		if !p.otherModule(dir) {
			p.tasks = append(p.tasks, demoTask{"vet", p.root, dir})
		}
	}
	slices.SortStableFunc(p.tasks, func(a, b demoTask) int { return strings.Compare(a.Path, b.Path) })
}

// otherModule reports whether a directory below the root belongs to a module
// of its own.
func (p *demoPlan) otherModule(dir string) bool {
	for ; dir != "."; dir = filepath.Dir(dir) {
		if exists(filepath.Join(p.root, dir, "go.mod")) {
			return true
		}
	}
	return false
}

// needs returns the checks that the plan has, each once.
func (p *demoPlan) needs() []string {
	var checks []string
	for _, t := range p.tasks {
		if !slices.Contains(checks, t.Check) {
			checks = append(checks, t.Check)
		}
	}
	slices.Sort(checks)
	return checks
}

func skippedDir(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor"
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
