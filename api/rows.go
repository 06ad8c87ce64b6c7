package api

import (
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/projections"
)

// page turns a page of rows into one that travels.
func page[Row, Out any](a *API, p projections.Page[Row], convert func(Row) Out) client.Page[Out] {
	out := client.Page[Out]{Items: make([]Out, len(p.Items)), Next: p.Next, Position: a.cfg.Store.Position(p.Seq), Lag: p.Lag}
	for i, row := range p.Items {
		out.Items[i] = convert(row)
	}
	return out
}

func (a *API) task(t projections.Task) client.Task {
	out := client.Task{
		ID: t.ID, Status: t.Status, Queue: t.Queue, Capabilities: present(t.Capabilities), Priority: t.Priority, Labels: t.Labels,
		Attempt: t.Attempt, Failures: t.Failures, MaxAttempts: t.MaxAttempts, LeaseMS: t.LeaseMS, Agent: t.Agent, Reason: t.Reason,
		Progress: t.Progress, Message: t.Message, SubmittedBy: t.SubmittedBy, SubmittedAt: t.SubmittedAt, NotBefore: t.NotBefore,
		Deadline: t.Deadline, StartedAt: t.StartedAt, FinishedAt: t.FinishedAt, UpdatedAt: t.UpdatedAt,
		Position: a.cfg.Store.Position(t.Seq), Input: payload(t.Input), Result: payload(t.Result), Incomplete: t.Incomplete,
	}
	for _, at := range t.Attempts {
		out.Attempts = append(out.Attempts, client.Attempt{
			Number: at.Number, Agent: at.Agent, Outcome: at.Outcome, Error: at.Error,
			AssignedAt: at.AssignedAt, StartedAt: at.StartedAt, EndedAt: at.EndedAt, Log: payload(at.Log),
		})
	}
	return out
}

func (a *API) agent(r projections.Agent) client.Agent {
	return client.Agent{
		ID: r.ID, Name: r.Name, Status: r.Status, Capabilities: present(r.Capabilities), Queues: r.Queues, Capacity: r.Capacity,
		Load: r.Load, Version: r.Version, Labels: r.Labels, RegisteredAt: r.RegisteredAt, UpdatedAt: r.UpdatedAt,
		Position: a.cfg.Store.Position(r.Seq), Incomplete: r.Incomplete,
	}
}

func (a *API) indexed(e projections.Event) client.Event {
	return client.Event{
		Position: a.cfg.Store.Position(e.Seq), Seq: e.Seq, ID: e.ID, Tenant: e.Tenant, Kind: e.Kind, Entity: e.Entity, Type: e.Type,
		Schema: e.Schema, Source: e.Source, Time: e.Time, Actor: e.Actor, Command: e.Command, Correlation: e.Correlation,
		Causation: e.Causation, TraceParent: e.TraceParent,
	}
}

func (a *API) counts(c projections.Counts) client.Counts {
	out := client.Counts{
		Now: make([]client.Count, len(c.Now)), Hourly: make([]client.HourCount, len(c.Hourly)),
		Position: a.cfg.Store.Position(c.Seq), Lag: c.Lag,
	}
	for i, n := range c.Now {
		out.Now[i] = client.Count(n)
	}
	for i, h := range c.Hourly {
		out.Hourly[i] = client.HourCount(h)
	}
	return out
}

func (a *API) projection(s projections.State) client.Projection {
	out := client.Projection{
		Name: s.Name, Version: s.Version, Generation: s.Generation, Status: s.Status, Position: a.cfg.Store.Position(s.Seq),
		Lag: s.Lag, LagMS: s.LagTime.Milliseconds(), Parked: s.Parked, Error: s.Error,
	}
	if p := s.Progress; p != nil {
		out.Progress = &client.Progress{
			Generation: p.Generation, Done: p.Done, Total: p.Total, PerSecond: p.PerSecond, LeftMS: p.Left.Milliseconds(),
		}
	}
	return out
}

func (a *API) verification(v projections.Verification) client.Verification {
	return client.Verification{
		Projection: v.Projection, Equal: v.Equal, Position: a.cfg.Store.Position(v.Seq), Rows: v.Rows,
		Live: v.Live, Rebuilt: v.Rebuilt, Difference: v.Difference,
	}
}

// present makes an absent list an empty one, which JSON tells as [].
func present(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
