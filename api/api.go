package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/memory/recall"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/workers"
	"github.com/hivemesh/hivemesh/workers/archiver"
	"github.com/hivemesh/hivemesh/workers/driller"
	"github.com/hivemesh/hivemesh/workers/embedder"
)

// Config is what an API serves from. Everything is required but AgentNATS,
// Checks and Room.
type Config struct {
	Commands    *commands.Service
	Projections *projections.Projections
	Store       *eventstore.Store
	Coordinator *workers.Coordinator
	Recall      *recall.Service    // searches of what is remembered
	Embedder    *embedder.Embedder // of this node; nil = it has none
	Auth        *auth.Authenticator
	Login       *login.Service                                     // the ways in
	PublicURL   string                                             // how browsers reach the mesh, such as https://mesh.example.com
	Issuer      string                                             // of access tokens, and whom assertions are for
	Directory   *identity.Directory                                // that Auth and Commands decide by
	NATS        *nats.Conn                                         // requests, heartbeats and inboxes travel on it
	Vouched     bool                                               // NATS lets each connection write to the subjects of its principal only
	Archiver    *archiver.Archiver                                 // nil: the log is not archived
	Driller     *driller.Driller                                   // nil: no drills by themselves
	Disconnect  func(before time.Time, user func(string) bool) int // closes NATS connections by their user's name; may be nil
	AgentNATS   *client.NATSInfo                                   // how agents reach NATS; nil = they use HTTP
	Heartbeat   time.Duration                                      // between the signs of life of an agent, default 5 s
	Version     client.Version                                     // Epoch is filled in
	Checks      func(context.Context) []client.Check               // further checks of readiness, such as disk space
	Limits      Limits                                             // of what may be asked; see DefaultLimits
	Room        func() error                                       // fails when the log's disk is full; nil = not watched
	Log         zerolog.Logger
	Metrics     *prometheus.Registry
}

// API answers programs, over HTTP and over NATS.
type API struct {
	cfg     Config
	schemas huma.Registry

	readEvent  func([]byte) (client.CloudEvent, error)
	readEvents func([]byte) ([]client.CloudEvent, error)

	mux      *http.ServeMux
	commands map[string]command // by verb
	hub      *hub
	doc      []byte // the OpenAPI document
	docErr   error
	stopping chan struct{} // closed when Run is told to end: polls end early
	pace     *pace
	metrics  *metrics
	brief    *Briefing
	guard    *guard
	streams  *streams // what principals hold open
}

// New returns an API. It serves HTTP through Handler at once; feeds and NATS
// requests are served while Run runs.
func New(cfg Config) *API {
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = 5 * time.Second
	}
	a := &API{cfg: cfg, commands: map[string]command{}, pace: newPace(), stopping: make(chan struct{}), streams: newStreams(), guard: newGuard(cfg.Limits)}
	a.brief = &Briefing{Commands: cfg.Commands, Store: cfg.Store, Recall: cfg.Recall}
	a.hub = newHub(cfg.Store)
	if cfg.Store != nil {
		a.cfg.Version.Epoch = cfg.Store.Epoch()
	}
	a.metrics = newMetrics(a)
	a.routes()
	return a
}

// Run serves NATS requests, listens to heartbeats and follows the log for the
// feeds. It returns when ctx has ended and every request under way is answered.
func (a *API) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		<-ctx.Done()
		close(a.stopping)
		return nil
	})
	g.Go(func() error { return a.hub.run(ctx, func(rs []eventstore.Record) { a.pace.observe(rs, time.Now()) }) })
	g.Go(func() error { return a.serveNATS(ctx) })
	g.Go(func() error { return a.cutNATS(ctx) })
	return g.Wait()
}

// OpenAPI returns the OpenAPI 3.1 document of the HTTP interface.
func OpenAPI() ([]byte, error) {
	a := New(Config{})
	return a.doc, a.docErr
}

// routes registers everything that HTTP answers.
func (a *API) routes() {
	a.mux = http.NewServeMux()
	cfg := huma.DefaultConfig("Hivemesh", "1")
	cfg.Info.Description = "Control plane for fleets of AI agents. Every change is an event of one log."
	cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", nil
	cfg.OpenAPIPath = ""
	cfg.RejectUnknownQueryParameters = true
	cfg.Transformers = []huma.Transformer{rewrite}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	cfg.Security = []map[string][]string{{"token": {}}}
	h := humago.New(a.mux, cfg)
	h.UseMiddleware(a.permit())
	a.schemas = cfg.Components.Schemas
	a.schemas.Schema(reflect.TypeFor[client.Problem](), true, "Problem")
	a.readEvent, a.readEvents = decoder[client.CloudEvent](a.schemas), decoder[[]client.CloudEvent](a.schemas)
	for _, c := range slices.Concat(a.table(), a.memoryTable(), a.natsOnly()) {
		a.commands[c.verb] = c
		if c.http != nil {
			c.http(h)
		}
	}
	a.taskRoutes(h)
	a.agentRoutes(h)
	a.eventRoutes(h)
	a.memoryRoutes(h)
	a.projectionRoutes(h)
	a.systemRoutes(h)
	a.archiveRoutes(h)
	a.loginRoutes(h)
	a.identityRoutes(h)
	a.principalRoutes(h)
	a.policyTestRoutes(h)
	delete(a.schemas.Map(), "ErrorModel") // huma's own, which rewrite turns into Problem
	delete(a.schemas.Map(), "ErrorDetail")
	a.doc, a.docErr = json.MarshalIndent(h.OpenAPI(), "", "  ")
}
