// Package commands is the write side: one method a command. Every change of
// the mesh, whoever asks for it, comes through here and takes the same way:
//
//	authorise ─► load the entity's state ─► decide (package domain/…, pure)
//	          ─► append if nobody was first ─► answer with the position reached
//	                    └─ conflict: load again, decide again
//
// A command that is sent again changes nothing and gets the first answer:
// creating commands meet by the entity id derived from their key, later ones
// by their command id, which each event carries. Neither needs a table of
// seen requests, nor expires.
package commands

import (
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/document"
	"github.com/hivemesh/hivemesh/domain/embedding"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/domain/name"
	"github.com/hivemesh/hivemesh/domain/projection"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// Config is what a Service needs.
type Config struct {
	Store     *eventstore.Store
	Directory *identity.Directory // who may do what; default an empty one, in which nobody may do anything
	Secret    []byte              // keys the ids of name reservations; kept outside the log
	Now       func() time.Time    // default time.Now
	Log       zerolog.Logger
	CacheSize int // entities of each kind kept warm, default 100,000
	// Room fails when the disk of the log is nearly full. Commands are then
	// refused, before the log's server meets a full disk, from which it does not
	// recover by itself. The workers' own commands go on. May be nil.
	Room func() error
	// Policies has the last word on a decision by roles. May be nil.
	Policies func(by domain.Actor, action string, about identity.Resource, byRoles identity.Decision) identity.Decision
	// Denied is told of every refusal. It must not block. May be nil.
	Denied func(by domain.Actor, action string, about identity.Resource, d identity.Decision)
	// Observe is told of every command when it ends: for metrics. May be nil.
	Observe func(command string, took time.Duration, err error)
}

// Service carries out commands. It is safe for concurrent use.
type Service struct {
	store       *eventstore.Store
	directory   *identity.Directory
	policies    func(domain.Actor, string, identity.Resource, identity.Decision) identity.Decision
	denied      func(domain.Actor, string, identity.Resource, identity.Decision)
	secret      []byte
	now         func() time.Time
	log         zerolog.Logger
	observe     func(string, time.Duration, error)
	room        func() error
	tasks       *eventstore.Cache[task.Task]
	agents      *eventstore.Cache[agent.Agent]
	names       *eventstore.Cache[name.Name]
	projections *eventstore.Cache[projection.Projection]
	memories    *eventstore.Cache[memory.Item]
	documents   *eventstore.Cache[document.Document]
	models      *eventstore.Cache[embedding.Registry]
	identities  identities
	catchUp     *catchUp
}

// maxWarmTexts is how many items of memory are kept warm: they hold their text.
const maxWarmTexts = 10_000

// New returns a Service over an open store.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.CacheSize == 0 {
		cfg.CacheSize = 100_000
	}
	if cfg.Directory == nil {
		cfg.Directory = identity.NewDirectory()
	}
	if cfg.Denied == nil {
		cfg.Denied = func(domain.Actor, string, identity.Resource, identity.Decision) {}
	}
	if cfg.Observe == nil {
		cfg.Observe = func(string, time.Duration, error) {}
	}
	return &Service{
		room: asLogFull(cfg.Room), catchUp: &catchUp{turn: make(chan struct{}, 1)},
		directory: cfg.Directory, policies: cfg.Policies, denied: cfg.Denied, identities: newIdentities(cfg.Store, cfg.CacheSize),
		store: cfg.Store, secret: cfg.Secret, now: cfg.Now, log: cfg.Log, observe: cfg.Observe,
		tasks: eventstore.NewCache(cfg.Store, eventstore.Model[task.Task]{
			Kind: kindTask, Begins: task.Submitted{}.Type(), Ends: task.Completed{}.Type(),
			New: func(id string) task.Task { return task.Task{ID: id} }, Apply: foldLean,
		}, cfg.CacheSize),
		agents: eventstore.NewCache(cfg.Store, eventstore.Model[agent.Agent]{
			Kind: kindAgent, Begins: agent.Registered{}.Type(), New: func(id string) agent.Agent { return agent.Agent{ID: id} }, Apply: FoldAgent,
		}, cfg.CacheSize),
		names: eventstore.NewCache(cfg.Store, eventstore.Model[name.Name]{
			Kind: kindName, New: func(string) name.Name { return name.Name{} }, Apply: foldName,
		}, cfg.CacheSize),
		projections: eventstore.NewCache(cfg.Store, eventstore.Model[projection.Projection]{
			Kind: kindProjection, New: func(id string) projection.Projection { return projection.Projection{ID: id} }, Apply: foldProjection,
		}, cfg.CacheSize),
		memories: eventstore.NewCache(cfg.Store, eventstore.Model[memory.Item]{
			Kind: kindMemory, New: func(id string) memory.Item { return memory.Item{ID: id} }, Apply: foldMemory,
		}, min(cfg.CacheSize, maxWarmTexts)),
		documents: eventstore.NewCache(cfg.Store, eventstore.Model[document.Document]{
			Kind: kindDocument, New: func(id string) document.Document { return document.Document{ID: id} }, Apply: foldDocument,
		}, min(cfg.CacheSize, maxWarmTexts/10)),
		models: eventstore.NewCache(cfg.Store, eventstore.Model[embedding.Registry]{
			Kind: kindEmbedding, New: func(string) embedding.Registry { return embedding.Registry{} }, Apply: foldModels,
		}, 1),
	}
}

// Observe keeps the warm states current. Whoever follows the tail of the log
// hands every batch to it; without that, commands still work and retry more.
func (s *Service) Observe(rs []eventstore.Record) {
	s.tasks.Observe(rs)
	s.agents.Observe(rs)
	s.names.Observe(rs)
	s.projections.Observe(rs)
	s.memories.Observe(rs)
	s.documents.Observe(rs)
	s.models.Observe(rs)
	s.identities.observe(rs)
}

// Meta is what a command carries besides its arguments.
type Meta struct {
	ID          string // of the command; a retry carries the same. Empty: one is made
	Key         string // idempotency key of a creating command. Empty: always new
	Correlation string
	Causation   string
	TraceParent string
}

// Result says what a command concerned and the sequence that it reached.
type Result struct {
	ID     string
	Seq    uint64
	Repeat bool // it had been carried out before; nothing was appended now
}

// ItemResult is the outcome of one item of a batch.
type ItemResult struct {
	Result
	Err error
}

// The kinds of entities, as they stand in subjects.
const (
	kindTask       = "task"
	kindAgent      = "agent"
	kindName       = "name"
	kindExternal   = "ext"
	kindProjection = "projection"
	kindMemory     = "memory"
	kindDocument   = "document"
	kindEmbedding  = "embedding"
)

// keyedID derives an entity's id from what makes a creating command unique,
// so that a retry meets the first append (UUIDv5, RFC 9562).
func keyedID(parts ...string) string {
	var data []byte
	for _, p := range parts {
		data = append(data, p...)
		data = append(data, 0)
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, data).String()
}

// newID returns a fresh id (UUIDv7).
func newID() string { return uuid.Must(uuid.NewV7()).String() }
