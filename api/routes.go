package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
)

func (a *API) taskRoutes(h huma.API) {
	listRoute(a, h, "/v1/tasks", "list-tasks", "List tasks, newest first",
		func(ctx context.Context, c caller, q projections.Query) (projections.Page[projections.Task], error) {
			if !a.may(c, "task.read") {
				q.Restrict = "agent:" + c.actor.ID
			}
			return a.cfg.Projections.Tasks(ctx, c.actor.Tenant, q)
		}, a.task)
	oneRoute(a, h, "/v1/tasks/{id}", "get-task", "Get a task with its attempts, input and result",
		func(ctx context.Context, c caller, id string, after uint64) (projections.Task, error) {
			t, err := a.cfg.Projections.Task(ctx, c.actor.Tenant, id, after)
			if err == nil && !held(t, c.actor.ID) && !a.may(c, "task.read") {
				return projections.Task{}, errNoTask()
			}
			return t, err
		}, a.task)
	getRoute(a, h, "/v1/tasks/{id}/why", "why-task", "Explain why a task waits",
		func(ctx context.Context, c caller, in *idInput) (client.Why, error) { return a.why(ctx, c, in.ID) })
	getRoute(a, h, "/v1/tasks/{id}/events", "task-events", "Read a task's events from the log, oldest first", a.taskEvents)
}

func (a *API) why(ctx context.Context, c caller, id string) (client.Why, error) {
	id, err := a.taskID(ctx, c, id)
	if err != nil {
		return client.Why{}, err
	}
	if err := a.mayTask(ctx, c, id); err != nil {
		return client.Why{}, err
	}
	w, err := a.cfg.Coordinator.Why(ctx, c.actor.Tenant, id)
	return client.Why{Task: id, Status: string(w.Status), Summary: w.Summary, Details: w.Details}, err
}

// held reports whether an agent holds a task, or held it.
func held(t projections.Task, agent string) bool {
	return t.Agent == agent || slices.ContainsFunc(t.Attempts, func(at projections.Attempt) bool { return at.Agent == agent })
}

// errNoTask is the answer for a task that is not there, or not for the caller.
func errNoTask() error {
	return &domain.Error{Kind: domain.NotFound, Code: "task_not_found", Message: "no such task"}
}

type historyInput struct {
	ID     string `path:"id" doc:"id, or a prefix of it of at least 4 characters"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"1000"`
	Cursor string `query:"cursor" doc:"next of the page before"`
}

// taskEvents reads from the log. The page's position is taken before the
// reading, so nothing up to it is missing.
func (a *API) taskEvents(ctx context.Context, c caller, in *historyInput) (client.Page[client.Event], error) {
	out := client.Page[client.Event]{Items: []client.Event{}}
	id, err := a.taskID(ctx, c, in.ID)
	if err != nil {
		return out, err
	}
	if err := a.mayTask(ctx, c, id); err != nil {
		return out, err
	}
	from, err := a.cfg.Store.ParsePosition(in.Cursor)
	if err != nil {
		return out, domain.InvalidField("cursor", "%.80q is not a cursor of this list", in.Cursor)
	}
	last, err := a.cfg.Store.LastSeq(ctx)
	if err != nil {
		return out, err
	}
	out.Position = a.cfg.Store.Position(last)
	records, err := a.cfg.Store.History(ctx, eventstore.Entity{Tenant: c.actor.Tenant, Kind: "task", ID: id}, from)
	if err != nil {
		return out, err
	}
	if len(records) == 0 && from == 0 {
		return out, errNoTask()
	}
	for i, r := range records {
		if i == in.Limit {
			out.Next = out.Items[i-1].Position
			break
		}
		out.Items = append(out.Items, a.logEvent(r))
	}
	return out, nil
}

func (a *API) agentRoutes(h huma.API) {
	listRoute(a, h, "/v1/agents", "list-agents", "List agents by name",
		func(ctx context.Context, c caller, q projections.Query) (projections.Page[projections.Agent], error) {
			return a.cfg.Projections.Agents(ctx, c.actor.Tenant, q)
		}, a.agent)
	oneRoute(a, h, "/v1/agents/{id}", "get-agent", "Get an agent by its id, a prefix of it, or its name",
		func(ctx context.Context, c caller, id string, after uint64) (projections.Agent, error) {
			return a.cfg.Projections.Agent(ctx, c.actor.Tenant, id, after)
		}, a.agent)
	getRoute(a, h, "/v1/agents/{id}/assignments", "poll-agent", "Wait for messages to an agent (long poll)", a.pollRoute)
	op := operation(http.MethodPost, "/v1/agents/{id}/heartbeat", "agent-heartbeat", "Give a sign of life that names the attempts held")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(h, op, func(ctx context.Context, in *aboutInput[client.Heartbeat]) (*struct{}, error) {
		return serve(ctx, a, func(c caller) (*struct{}, error) { return nil, a.heartbeat(ctx, c, in) })
	})
}

func (a *API) heartbeat(ctx context.Context, c caller, in *aboutInput[client.Heartbeat]) error {
	id, err := a.agentID(ctx, c, in.ID)
	if err != nil {
		return err
	}
	var held []client.Held
	if in.Body != nil {
		held = in.Body.Held
	}
	if err := a.asAgent(ctx, c, id); err != nil {
		return err
	}
	return a.beat(c.actor.Tenant, id, held)
}

type pollInput struct {
	ID   string `path:"id"`
	Wait string `query:"wait" doc:"how long to wait when there is nothing, 0s to 30s" example:"20s"`
	Held string `query:"held" doc:"the attempts that the agent is working on: task:attempt,task:attempt"`
}

func (a *API) pollRoute(ctx context.Context, c caller, in *pollInput) (client.Messages, error) {
	wait, err := parseWait(in.Wait)
	if err != nil {
		return client.Messages{}, err
	}
	held, err := parseHeld(in.Held)
	if err != nil {
		return client.Messages{}, err
	}
	id, err := a.agentID(ctx, c, in.ID)
	if err != nil {
		return client.Messages{}, err
	}
	if err := a.asAgent(ctx, c, id); err != nil {
		return client.Messages{}, err
	}
	ctx, release := a.streams.keep(ctx, c.actor)
	defer release()
	out, err := a.poll(ctx, c, id, held, wait)
	if err != nil && revoked(ctx) {
		err = errRevoked
	}
	return out, err
}

func (a *API) eventRoutes(h huma.API) {
	a.publishRoute(h)
	a.feedRoute(h)
	listRoute(a, h, "/v1/events", "list-events", "List the index of the log, newest first, without data",
		func(ctx context.Context, c caller, q projections.Query) (projections.Page[projections.Event], error) {
			q.Restrict = withoutHidden(a.hiddenKinds(c))
			return a.cfg.Projections.Events(ctx, c.actor.Tenant, q)
		}, a.indexed)
	getRoute(a, h, "/v1/events/{seq}", "get-event", "Get one event with its data from the log", a.event)
	huma.Register(h, operation(http.MethodGet, "/v1/counts", "counts", "Count tasks by queue and status, now and by the hour"),
		func(ctx context.Context, in *struct {
			After string `query:"after" doc:"wait until the read model has reached this position, for up to 5 s"`
		},
		) (*queryOutput[client.Counts], error) {
			return serve(ctx, a, func(c caller) (*queryOutput[client.Counts], error) {
				after, err := a.cfg.Store.ParsePosition(in.After)
				if err != nil {
					return nil, err
				}
				sums, err := a.cfg.Projections.Counts(ctx, c.actor.Tenant, after)
				out := a.counts(sums)
				return &queryOutput[client.Counts]{Position: out.Position, Lag: out.Lag, Body: out}, err
			})
		})
}

type seqInput struct {
	Seq string `path:"seq" doc:"sequence or position of the event"`
}

func (a *API) event(ctx context.Context, c caller, in *seqInput) (client.Event, error) {
	seq, err := strconv.ParseUint(in.Seq, 10, 64)
	if err != nil {
		if seq, err = a.cfg.Store.ParsePosition(in.Seq); err != nil {
			return client.Event{}, err
		}
	}
	missing := &domain.Error{Kind: domain.NotFound, Code: "event_not_found", Message: "no such event"}
	if seq == 0 {
		return client.Event{}, missing
	}
	r, err := a.cfg.Store.Get(ctx, seq)
	if errors.Is(err, eventstore.ErrNotFound) {
		return client.Event{}, missing
	}
	if err != nil {
		return client.Event{}, err
	}
	if r.Entity.Tenant != c.actor.Tenant || a.hides(c, r.Entity.Kind) {
		return client.Event{}, missing
	}
	return a.logEvent(r), nil
}
