package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/memory/split"
)

// The limits of an import.
const (
	maxImportFile   = 8 << 20 // bytes; larger ones are told of and passed over
	parallelImports = 8
)

type memoryImportCmd struct {
	keepFlags
	Dir    string `arg:"" help:"Directory with documents: Markdown, code, text." type:"existingdir" placeholder:"DIR"`
	Prefix string `help:"What the names of the documents begin with (default: the directory's name)." placeholder:"NAME"`
	Hidden bool   `help:"Import files and folders whose name begins with a dot, too."`
}

// imports is one import on its way.
type imports struct {
	cmd    *memoryImportCmd
	a      *app
	c      *client.Client
	prefix string
	known  map[string]string // digest by URI, as imported before

	mu    sync.Mutex
	count importCount
}

// importCount is what became of the files.
type importCount struct {
	Files     int   `json:"files"`
	Imported  int   `json:"imported"`
	Unchanged int   `json:"unchanged"`
	Skipped   int   `json:"skipped"` // no text, or too large
	Failed    int   `json:"failed"`
	Passages  int   `json:"passages"`
	New       int   `json:"new"`
	Gone      int   `json:"gone"`
	Bytes     int64 `json:"bytes"`
}

// Run imports a directory. It may be cut off at any time and run again.
func (cmd *memoryImportCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(cmd.Dir)
	if err != nil {
		return err
	}
	im := &imports{cmd: cmd, a: a, c: c, prefix: cmd.Prefix, known: map[string]string{}}
	if im.prefix == "" {
		im.prefix = filepath.Base(dir)
	}
	if err := im.lookUp(ctx); err != nil {
		return err
	}
	files, err := im.list(dir)
	if err != nil {
		return err
	}
	im.count.Files = len(files)
	began := time.Now()
	stop := im.progress(ctx)
	err = im.all(ctx, dir, files)
	stop()
	if a.json() {
		return errors.Join(err, a.printJSON(im.count))
	}
	n := im.count
	fmt.Fprintf(a.stdout, "%d files in %s: %d imported, %d unchanged, %d passed over, %d failed; %d passages, %d new, %d gone\n",
		n.Files, span(time.Since(began)), n.Imported, n.Unchanged, n.Skipped, n.Failed, n.Passages, n.New, n.Gone)
	if err == nil && n.Failed > 0 {
		return &failure{Exit: exitFailed, Code: "import_failed", Message: fmt.Sprintf("%d files could not be imported", n.Failed), Hint: "run the same command again: what is there already is passed over"}
	}
	return err
}

// lookUp asks what was imported before.
func (im *imports) lookUp(ctx context.Context) error {
	scope := im.cmd.Scope
	if scope == "" {
		scope = "tenant"
	}
	o := client.ListOptions{Limit: 1000, Filter: fmt.Sprintf("forgotten:false scope:%q", scope)}
	for {
		page, err := im.c.Documents(ctx, o)
		if err != nil {
			return fmt.Errorf("ask what was imported before: %w", err)
		}
		for _, d := range page.Items {
			if d.Splitter == split.Version {
				im.known[d.URI] = d.Digest
			}
		}
		if o.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

// list returns the paths of the files below dir.
func (im *imports) list(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			im.say("%s: %v", path, err)
			return nil
		}
		if path != dir && !im.cmd.Hidden && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

func (im *imports) all(ctx context.Context, dir string, files []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelImports)
	for _, path := range files {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return im.one(ctx, dir, path) })
	}
	return g.Wait()
}

// one imports a file. What is wrong with the file itself is told and counted;
// an error is about the mesh.
func (im *imports) one(ctx context.Context, dir, path string) error {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	uri := im.prefix + "/" + filepath.ToSlash(rel)
	data, err := readDocument(path)
	if err != nil {
		im.say("%s: %v", uri, err)
		im.add(importCount{Skipped: 1})
		return nil
	}
	media, ok := split.MediaType(path, data)
	if !ok || strings.TrimSpace(string(data)) == "" {
		im.add(importCount{Skipped: 1})
		return nil
	}
	sum := sha256.Sum256(data)
	if im.known[uri] == "sha256:"+hex.EncodeToString(sum[:]) {
		im.add(importCount{Unchanged: 1})
		return nil
	}
	r := client.DocumentRequest{URI: uri, MediaType: media, Text: string(data), Scope: im.cmd.Scope, Tags: im.cmd.Tag, Importance: &im.cmd.Importance}
	got, err := im.c.ImportDocument(ctx, r)
	var refused *client.Error
	if errors.As(err, &refused) && refused.Status < 500 && refused.Status != 401 && refused.Status != 403 && refused.Status != 429 {
		im.say("%s: %v", uri, err)
		im.add(importCount{Failed: 1})
		return nil
	}
	if err != nil {
		return fmt.Errorf("import %s: %w", uri, err)
	}
	n := importCount{Imported: 1, Passages: got.Chunks, New: got.New, Gone: got.Gone, Bytes: int64(len(data))}
	if got.Unchanged {
		n = importCount{Unchanged: 1}
	}
	im.add(n)
	return nil
}

func readDocument(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxImportFile {
		return nil, fmt.Errorf("is %s; at most %s are imported", bytesText(info.Size()), bytesText(maxImportFile))
	}
	return os.ReadFile(path)
}

func (im *imports) add(n importCount) {
	im.mu.Lock()
	defer im.mu.Unlock()
	c := &im.count
	c.Imported, c.Unchanged, c.Skipped, c.Failed = c.Imported+n.Imported, c.Unchanged+n.Unchanged, c.Skipped+n.Skipped, c.Failed+n.Failed
	c.Passages, c.New, c.Gone, c.Bytes = c.Passages+n.Passages, c.New+n.New, c.Gone+n.Gone, c.Bytes+n.Bytes
}

func (im *imports) say(format string, args ...any) {
	im.mu.Lock()
	defer im.mu.Unlock()
	fmt.Fprintf(im.a.stderr, format+"\n", args...)
}

// progress tells every few seconds how far the import is.
func (im *imports) progress(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				im.mu.Lock()
				n := im.count
				im.mu.Unlock()
				im.say("%d of %d files, %d passages", n.Imported+n.Unchanged+n.Skipped+n.Failed, n.Files, n.Passages)
			}
		}
	}()
	return func() { cancel(); <-done }
}
