package projections

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/eventstore"
)

// Config is what a Projections needs.
type Config struct {
	Pool     *pgxpool.Pool     // for queries; lanes open connections of their own with its settings
	Store    *eventstore.Store // the log
	Log      zerolog.Logger
	Now      func() time.Time // time.Now when nil
	BatchMax int              // events in a live transaction; 500 when 0
	Node     string           // shown by Postgres as part of the connections' application name
	Room     func() error     // fails when the disk of Postgres is full; nil: not watched
}

// Projections are the read models of one node: their lanes and their queries.
// Its methods may be called from several goroutines.
type Projections struct {
	cfg  Config
	defs []definition
	view view

	prepared    atomic.Bool // the database is fit for use
	frequencies frequencies // of words in memories
	large       knownSets   // of memories: filters that let many through
	past        pasts
	narrow      knownSets // of memories: filters that let few of the nearest through
	exactRows   int       // see the constant

	mu     sync.Mutex
	reopen map[string]context.CancelCauseFunc // ends the running live lane of that name so that it opens again
}

// Open migrates the control tables, checks the server and makes the live
// generations that an empty log needs. When Postgres cannot be reached it
// succeeds all the same: Run prepares the database as soon as it answers, and
// queries are Unavailable until then. An error means that this database
// cannot be used, such as one with pgvector older than 0.7.0.
func Open(ctx context.Context, cfg Config) (*Projections, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.BatchMax <= 0 {
		cfg.BatchMax = 500
	}
	p := &Projections{cfg: cfg, defs: definitions(), exactRows: exactRows, past: pasts{of: map[pastKey]*past{}, wanted: make(chan struct{}, 1)}, reopen: map[string]context.CancelCauseFunc{}}
	p.view.errs = map[string]string{}
	p.view.changed, p.view.back = make(chan struct{}), make(chan struct{})
	p.view.hurry = [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}
	err := p.prepare(ctx)
	if err != nil && domain.KindOf(err) == domain.Unavailable && ctx.Err() == nil {
		cfg.Log.Warn().Err(err).Msg("Postgres is not reachable: read models wait for it")
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	return p, p.look(ctx)
}

// definition finds a read model by name.
func (p *Projections) definition(name string) (definition, error) {
	for _, d := range p.defs {
		if d.name == name {
			return d, nil
		}
	}
	known := make([]string, len(p.defs))
	for i, d := range p.defs {
		known[i] = d.name
	}
	return definition{}, errUnknown.Sayf("no projection is called %q; there are %s", name, strings.Join(known, ", "))
}

// definitions lists the read models of this binary by name, the order in which
// their checkpoints are locked and in which States tells of them.
func definitions() []definition {
	return []definition{
		agentsDefinition(), documentsDefinition(), eventsDefinition(), identitiesDefinition(), memoriesDefinition(), tasksDefinition(),
	}
}
