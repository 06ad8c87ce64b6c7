package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/document"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/memory/split"
)

// MaxDocument is the longest document, in bytes.
const MaxDocument = 8 << 20

// Document is a text that is imported in passages.
type Document struct {
	URI        string // that names it within its scope, such as a path
	MediaType  string
	Text       string
	Scope      memory.Scope
	Tags       []string
	Importance float64
}

// Imported is the outcome of an import.
type Imported struct {
	Result
	Unchanged bool // it had been imported with the same content
	Chunks    int  // passages that it has now
	New       int  // passages that were not in it before
	Gone      int  // passages that are in it no longer
}

// ImportDocument splits a text and remembers its passages, each with its place
// in it. The import is complete with the document's own event, which comes
// between the new passages and the forgetting of those that are gone; cut off
// before, it does the same again and finds what it had done.
func (s *Service) ImportDocument(ctx context.Context, by domain.Actor, m Meta, d Document) (Imported, error) {
	var out Imported
	spec := memory.Spec{Kind: memory.KindChunk, Scope: d.Scope, MediaType: d.MediaType, Tags: d.Tags, Importance: d.Importance}.WithDefaults()
	res, err := s.run(by, "memory.write", m, aboutMemory("", spec), func(cmd eventstore.Command) (Result, error) {
		if err := s.mayKeep(by, spec.Scope); err != nil {
			return Result{}, err
		}
		var err error
		out, err = s.importDocument(ctx, by, cmd, d, spec)
		return out.Result, err
	})
	out.Result = res
	return out, err
}

func (s *Service) importDocument(ctx context.Context, by domain.Actor, cmd eventstore.Command, d Document, spec memory.Spec) (Imported, error) {
	next, err := newDocument(by.Tenant, d, spec)
	if err != nil {
		return Imported{}, err
	}
	e := eventstore.Entity{Tenant: by.Tenant, Kind: kindDocument, ID: next.id}
	known, err := s.documents.Load(ctx, e)
	if err != nil {
		return Imported{}, fmt.Errorf("load document %s: %w", e.ID, err)
	}
	if known.State.Same(next.Spec) {
		return Imported{Result: Result{ID: e.ID, Seq: known.Seq, Repeat: true}, Unchanged: true, Chunks: len(known.State.Chunks)}, nil
	}
	had := map[string]bool{} // its passages, and whether they are live
	for _, id := range known.State.Chunks {
		had[id] = !known.State.Forgotten
	}
	out := Imported{Chunks: len(next.Chunks)}
	has := map[string]bool{}
	for _, p := range next.passages {
		has[p.id] = true
		if !had[p.id] {
			out.New++
		}
	}
	if err := s.rememberPassages(ctx, by.Tenant, cmd, next.passages); err != nil {
		return out, err
	}
	seq, receipt, err := s.documents.Update(ctx, e, cmd, func(known document.Document) ([]eventstore.NewEvent, error) {
		events, err := known.Import(next.Spec, cmd.Time)
		if err != nil {
			return nil, err
		}
		return encode(document.Schema, events)
	})
	if err != nil {
		return out, fmt.Errorf("import document %s: %w", e.ID, err)
	}
	out.Result = Result{ID: e.ID, Seq: seq, Repeat: receipt.Repeat}
	var gone []string
	for id := range had {
		if !has[id] {
			gone = append(gone, id)
		}
	}
	out.Gone = len(gone)
	last, err := s.forgetPassages(ctx, by.Tenant, cmd, gone, "no longer in "+d.URI)
	out.Seq = max(out.Seq, last)
	return out, err
}

// passage is one piece of a document on its way.
type passage struct {
	id   string
	spec memory.Spec
}

// newlyImported is a text that was split.
type newlyImported struct {
	document.Spec
	id       string
	passages []passage
}

// newDocument splits a text.
func newDocument(tenant string, d Document, spec memory.Spec) (newlyImported, error) {
	var out newlyImported
	if len(d.Text) > MaxDocument {
		return out, &domain.Error{Kind: domain.TooLarge, Code: "too_large", Field: "text", Message: fmt.Sprintf("is %d bytes; at most %d are allowed", len(d.Text), MaxDocument)}
	}
	chunks, err := split.Split(spec.MediaType, d.Text, split.Options{})
	if err != nil {
		return out, err
	}
	sum := sha256.Sum256([]byte(d.Text))
	out.id = keyedID(tenant, kindDocument, string(spec.Scope), d.URI)
	out.Spec = document.Spec{
		URI: d.URI, Scope: spec.Scope, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(d.Text)), MediaType: spec.MediaType,
		Splitter: split.Version, Tags: spec.Tags,
	}
	seen := map[string]int{}
	for i, c := range chunks {
		s := spec
		s.Text, s.Source = c.Text, memory.Source{Type: memory.SourceDocument, ID: out.id}
		s.Place = &memory.Place{Document: out.id, URI: d.URI, Ordinal: i, Start: c.Start, End: c.End, Line: c.Line, Heading: c.Heading}
		hash := s.Hash()
		p := passage{memoryID(tenant, s, seen[hash]), s}
		seen[hash]++
		out.passages, out.Chunks = append(out.passages, p), append(out.Chunks, p.id)
	}
	return out, nil
}

// rememberPassages brings every passage to where it stands now.
func (s *Service) rememberPassages(ctx context.Context, tenant string, cmd eventstore.Command, all []passage) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelMemories)
	for _, p := range all {
		g.Go(func() error {
			_, err := s.changeMemory(ctx, tenant, forPart(cmd, p.id), p.id, func(i memory.Item) ([]memory.Event, error) {
				return i.Settle(p.spec, cmd.Time)
			})
			return err
		})
	}
	return g.Wait()
}

// forgetPassages returns the sequence of the last.
func (s *Service) forgetPassages(ctx context.Context, tenant string, cmd eventstore.Command, ids []string, reason string) (uint64, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelMemories)
	var last atomic.Uint64
	for _, id := range ids {
		g.Go(func() error {
			res, err := s.changeMemory(ctx, tenant, forPart(cmd, id), id, func(i memory.Item) ([]memory.Event, error) {
				if i.Status == memory.StatusForgotten {
					return nil, nil
				}
				return i.Forget(reason)
			})
			for seen := last.Load(); res.Seq > seen && !last.CompareAndSwap(seen, res.Seq); seen = last.Load() {
			}
			return err
		})
	}
	err := g.Wait()
	return last.Load(), err
}

// forPart names the part of a command that concerns one of many entities.
func forPart(cmd eventstore.Command, part string) eventstore.Command {
	cmd.ID = keyedID(cmd.ID, part)
	return cmd
}

// ForgetDocument forgets a document and its passages.
func (s *Service) ForgetDocument(ctx context.Context, by domain.Actor, m Meta, id, reason string) (Result, error) {
	return s.run(by, "memory.write", m, aboutMemory(id, memory.Spec{}), func(cmd eventstore.Command) (Result, error) {
		if err := checkText("reason", reason); err != nil {
			return Result{}, err
		}
		e, err := entity(by.Tenant, kindDocument, "id", id)
		if err != nil {
			return Result{}, err
		}
		known, err := s.documents.Load(ctx, e)
		if err != nil {
			return Result{}, fmt.Errorf("load document %s: %w", id, err)
		}
		r, err := s.MemoryReading(by)
		if err != nil {
			return Result{}, err
		}
		if !known.State.Exists() || !r.Allows(known.State.Scope) {
			return Result{}, document.ErrNotFound
		}
		last, err := s.forgetPassages(ctx, by.Tenant, cmd, known.State.Chunks, reason)
		if err != nil {
			return Result{}, err
		}
		seq, receipt, err := s.documents.Update(ctx, e, cmd, func(d document.Document) ([]eventstore.NewEvent, error) {
			events, err := d.Forget(reason)
			if err != nil {
				return nil, err
			}
			return encode(document.Schema, events)
		})
		return Result{ID: id, Seq: max(seq, last), Repeat: receipt.Repeat}, err
	})
}

func foldDocument(d document.Document, r eventstore.Record) (document.Document, error) {
	d.ID = r.Entity.ID
	return fold(d, r, document.Decode, func(d document.Document, e document.Event, at time.Time) document.Document { return d.Apply(e, at) })
}
