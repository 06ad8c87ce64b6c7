package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
)

const (
	feedHeartbeat = 15 * time.Second // a feed says something at least that often
	feedPatience  = 10 * time.Second // for a client to take what was written
	feedFlush     = 64 << 10         // bytes gathered before they are sent
)

type feedInput struct {
	Kind        string   `query:"kind" doc:"of the entity, such as task"`
	Entity      string   `query:"entity" doc:"id of the entity, or a prefix of it"`
	Type        []string `query:"type,explode" doc:"of the event, such as task.completed; may be given several times"`
	After       string   `query:"after" doc:"a position, or start for everything; left out = from now on"`
	LastEventID string   `header:"Last-Event-ID" doc:"sent by clients that come back; wins over after"`
}

// feedRoute serves events as they happen.
func (a *API) feedRoute(h huma.API) {
	op := operation(http.MethodGet, "/v1/feed", "feed", "Follow events as they happen (server-sent events)")
	op.Responses["200"] = &huma.Response{
		Description: "One message an event: id is its position, event its type, data the Event",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}},
	}
	huma.Register(h, op, func(ctx context.Context, in *feedInput) (*huma.StreamResponse, error) {
		return serve(ctx, a, func(c caller) (*huma.StreamResponse, error) {
			f, err := a.newFeed(ctx, c, in)
			return &huma.StreamResponse{Body: func(hc huma.Context) {
				_, w := humago.Unwrap(hc)
				f.serve(ctx, w)
			}}, err
		})
	})
}

// feed is one subscription.
type feed struct {
	a      *API
	tenant string
	kind   string
	entity string
	types  []string
	who    domain.Actor
	hidden []string // kinds whose events are not for this reader
	at     uint64   // where it begins

	rc      *http.ResponseController
	w       http.ResponseWriter
	buf     bytes.Buffer
	written time.Time
}

func (a *API) newFeed(ctx context.Context, c caller, in *feedInput) (*feed, error) {
	f := &feed{a: a, tenant: c.actor.Tenant, kind: in.Kind, types: in.Type, hidden: a.hiddenKinds(c), who: c.actor}
	var err error
	switch {
	case in.Entity == "" || fullID(in.Entity):
		f.entity = in.Entity
	case in.Kind == "agent":
		f.entity, err = a.agentID(ctx, c, in.Entity)
	default:
		f.entity, err = a.taskID(ctx, c, in.Entity)
	}
	if err != nil {
		return nil, err
	}
	after := in.After
	if in.LastEventID != "" {
		after = in.LastEventID
	}
	f.at, err = a.feedStart(ctx, after)
	return f, err
}

// feedStart returns the sequence behind which a feed begins.
func (a *API) feedStart(ctx context.Context, after string) (uint64, error) {
	last, live := a.hub.position()
	switch {
	case !live:
		return 0, errNotLive
	case after == "":
		return last, nil
	case after == client.FromStart:
		return 0, nil
	}
	seq, err := a.cfg.Store.ParsePosition(after)
	if err != nil || seq <= last {
		return seq, err
	}
	if last, err = a.cfg.Store.LastSeq(ctx); err == nil && seq > last {
		err = &domain.Error{Kind: domain.Conflict, Code: "beyond_log", Field: "after", Message: "the position is beyond the end of the log"}
	}
	return seq, err
}

// serve writes until the client is gone, does not take what is written, or
// the node stops. The client then comes back with the last id.
func (f *feed) serve(ctx context.Context, w http.ResponseWriter) {
	f.a.metrics.feeds.Inc()
	defer f.a.metrics.feeds.Dec()
	f.w, f.rc = w, http.NewResponseController(w)
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Accel-Buffering", "no")
	f.buf.WriteString("retry: 1000\n")
	if err := f.ping(f.at); err != nil {
		return
	}
	ctx, release := f.a.streams.keep(ctx, f.who)
	defer release()
	err := f.a.hub.follow(ctx, f.at, feedHeartbeat, f.handle, f.ping)
	if ctx.Err() == nil {
		f.a.cfg.Log.Debug().Err(err).Msg("feed ended")
	}
}

// handle writes those of a batch that the feed is about.
func (f *feed) handle(entries []*entry) error {
	for _, e := range entries {
		if !f.wants(e) {
			continue
		}
		fmt.Fprintf(&f.buf, "id: %s\nevent: %s\ndata: %s\n\n", f.a.cfg.Store.Position(e.Seq), e.Type, e.encoded(f.a.logEvent))
		f.a.metrics.fed.Inc()
		if f.buf.Len() >= feedFlush {
			if err := f.flush(); err != nil {
				return err
			}
		}
	}
	switch {
	case f.buf.Len() > 0:
		return f.flush()
	case len(entries) > 0 && time.Since(f.written) > feedHeartbeat:
		return f.ping(entries[len(entries)-1].Seq)
	}
	return nil
}

func (f *feed) wants(e *entry) bool {
	return e.Entity.Tenant == f.tenant && e.Type != "" &&
		!slices.Contains(f.hidden, e.Entity.Kind) &&
		(f.kind == "" || e.Entity.Kind == f.kind) &&
		(f.entity == "" || e.Entity.ID == f.entity) &&
		(len(f.types) == 0 || slices.Contains(f.types, e.Type))
}

// ping is a message without data: a sign of life that moves the position from
// which the client would go on.
func (f *feed) ping(at uint64) error {
	fmt.Fprintf(&f.buf, ": alive\nid: %s\n\n", f.a.cfg.Store.Position(at))
	return f.flush()
}

// flush sends what is gathered. A client that does not take it in time is cut.
func (f *feed) flush() error {
	if err := f.rc.SetWriteDeadline(time.Now().Add(feedPatience)); err != nil {
		return err
	}
	if _, err := f.w.Write(f.buf.Bytes()); err != nil {
		return err
	}
	f.buf.Reset()
	f.written = time.Now()
	return f.rc.Flush()
}
