package api

import (
	"context"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
)

// table lists every command of both transports. Those that only one of them
// has are in publish.go (CloudEvents), poll.go and projection.go.
func (a *API) table() []command {
	s := a.cfg.Commands
	return append(a.agentTable(),
		define(a, "task.submit", route{path: "/v1/tasks", summary: "Submit a task", limit: maxSubmit}, nil,
			func(ctx context.Context, c caller, r client.SubmitRequest) (client.Receipt, error) {
				meta, err := c.creating(r.Key)
				if err != nil {
					return client.Receipt{}, err
				}
				return a.done(s.SubmitTask(ctx, c.actor, meta, taskSpec(r)))
			}),
		define(a, "task.submit_batch", route{path: "/v1/tasks/batch", summary: "Submit several tasks, each on its own", limit: maxBatch}, nil, a.submitBatch),
		define(a, "task.cancel", route{path: "/v1/tasks/{id}/cancel", summary: "Cancel a task"}, taskID,
			a.aboutTask(func(ctx context.Context, c caller, r client.TaskRequest) (commands.Result, error) {
				return s.CancelTask(ctx, c.actor, c.meta(), r.ID, r.Reason)
			})),
		define(a, "task.requeue", route{path: "/v1/tasks/{id}/requeue", summary: "Requeue a failed or dead-lettered task"}, taskID,
			a.aboutTask(func(ctx context.Context, c caller, r client.TaskRequest) (commands.Result, error) {
				return s.RequeueTask(ctx, c.actor, c.meta(), r.ID, r.Reason, givenTime(r.Deadline))
			})),
		a.report("start", "Say that an attempt began", func(ctx context.Context, c caller, m commands.Meta, ref commands.AttemptRef, _ client.AttemptReport) (commands.Result, error) {
			return s.StartTask(ctx, c.actor, m, ref)
		}),
		a.report("complete", "Complete a task", func(ctx context.Context, c caller, m commands.Meta, ref commands.AttemptRef, r client.AttemptReport) (commands.Result, error) {
			return s.CompleteTask(ctx, c.actor, m, ref, commands.Completion{
				StartedAt: givenTime(r.StartedAt), Result: domain.Payload{Inline: r.Result}, Log: logPayload(r.Log),
			})
		}),
		a.report("fail", "Give up an attempt", func(ctx context.Context, c caller, m commands.Meta, ref commands.AttemptRef, r client.AttemptReport) (commands.Result, error) {
			return s.FailTask(ctx, c.actor, m, ref, task.Failure{
				Message: r.Error, Permanent: r.Permanent, StartedAt: givenTime(r.StartedAt), Log: logPayload(r.Log),
			})
		}),
		a.report("return", "Hand an assignment back", func(ctx context.Context, c caller, m commands.Meta, ref commands.AttemptRef, r client.AttemptReport) (commands.Result, error) {
			return s.ReturnTask(ctx, c.actor, m, ref, r.Reason)
		}),
		a.report("progress", "Tell how far an attempt is", a.progressed),
	)
}

func (a *API) agentTable() []command {
	s := a.cfg.Commands
	return []command{
		define(a, "agent.register", route{path: "/v1/agents", summary: "Register an agent, or bring it back"}, nil, a.register),
		define(a, "agent.drain", route{path: "/v1/agents/{id}/drain", summary: "Stop new work for an agent"}, agentID,
			a.aboutAgent(func(ctx context.Context, c caller, r client.AgentRequest) (commands.Result, error) {
				return s.DrainAgent(ctx, c.actor, c.meta(), r.ID, r.Reason)
			})),
		define(a, "agent.resume", route{path: "/v1/agents/{id}/resume", summary: "End draining"}, agentID,
			a.aboutAgent(func(ctx context.Context, c caller, r client.AgentRequest) (commands.Result, error) {
				return s.ResumeAgent(ctx, c.actor, c.meta(), r.ID)
			})),
		define(a, "agent.leave", route{path: "/v1/agents/{id}/leave", summary: "Say an agent's goodbye"}, agentID,
			a.aboutAgent(func(ctx context.Context, c caller, r client.AgentRequest) (commands.Result, error) {
				return s.LeaveAgent(ctx, c.actor, c.meta(), r.ID)
			})),
		define(a, "agent.sleep", route{path: "/v1/agents/{id}/sleep", summary: "Put an agent to sleep, with a checkpoint of its state"}, func(r *client.SleepRequest) *string { return &r.ID }, a.sleep),
		define(a, "agent.wake", route{path: "/v1/agents/{id}/wake", summary: "Wake an agent: its checkpoint, and what is worth knowing"}, func(r *client.WakeRequest) *string { return &r.ID }, a.wake),
	}
}

// done turns a command's outcome into its answer.
func (a *API) done(r commands.Result, err error) (client.Receipt, error) {
	if err != nil {
		return client.Receipt{}, err
	}
	return a.receipt(r), nil
}

func (a *API) aboutTask(do func(context.Context, caller, client.TaskRequest) (commands.Result, error)) func(context.Context, caller, client.TaskRequest) (client.Receipt, error) {
	return func(ctx context.Context, c caller, r client.TaskRequest) (client.Receipt, error) {
		var err error
		if r.ID, err = a.taskID(ctx, c, r.ID); err != nil {
			return client.Receipt{}, err
		}
		return a.done(do(ctx, c, r))
	}
}

func (a *API) aboutAgent(do func(context.Context, caller, client.AgentRequest) (commands.Result, error)) func(context.Context, caller, client.AgentRequest) (client.Receipt, error) {
	return func(ctx context.Context, c caller, r client.AgentRequest) (client.Receipt, error) {
		var err error
		if r.ID, err = a.agentID(ctx, c, r.ID); err != nil {
			return client.Receipt{}, err
		}
		return a.done(do(ctx, c, r))
	}
}

// report defines a command of an agent about one of its attempts.
func (a *API) report(verb, summary string, do func(context.Context, caller, commands.Meta, commands.AttemptRef, client.AttemptReport) (commands.Result, error)) command {
	r := route{path: "/v1/tasks/{id}/" + verb, summary: summary, limit: maxReport}
	return define(a, "task."+verb, r, attemptTask, func(ctx context.Context, c caller, rep client.AttemptReport) (client.Receipt, error) {
		m := c.meta()
		if rep.Command != "" {
			m.ID = rep.Command
		}
		var err error
		ref := commands.AttemptRef{Attempt: rep.Attempt}
		if ref.Task, err = a.taskID(ctx, c, rep.Task); err != nil {
			return client.Receipt{}, err
		}
		if ref.Agent, err = a.agentID(ctx, c, rep.Agent); err != nil {
			return client.Receipt{}, err
		}
		return a.done(do(ctx, c, m, ref, rep))
	})
}

func (a *API) submitBatch(ctx context.Context, c caller, b client.SubmitBatch) (client.BatchResult, error) {
	if n := len(b.Tasks); n == 0 || n > commands.MaxBatch {
		return client.BatchResult{}, domain.InvalidField("tasks", "%d given, 1 to %d allowed", n, commands.MaxBatch)
	}
	items := make([]commands.Submission, len(b.Tasks))
	for i, r := range b.Tasks {
		key := r.Key
		if key == "" && c.key != "" { // one key for the batch names each of its items
			key = fmt.Sprintf("%s/%d", c.key, i)
		}
		items[i] = commands.Submission{
			Meta: commands.Meta{Key: key, Correlation: c.correlation, TraceParent: c.traceParent}, Spec: taskSpec(r),
		}
	}
	return a.results(c, a.cfg.Commands.SubmitTasks(ctx, c.actor, items)), nil
}

// natsFor returns how an actor reaches NATS, where a connection has all rights
// of its principal: an actor that is limited uses HTTP.
func (a *API) natsFor(by domain.Actor) *client.NATSInfo {
	if len(by.Scopes) > 0 || by.For != "" || by.HomeTenant() != by.Tenant {
		return nil
	}
	return a.cfg.AgentNATS
}

func (a *API) register(ctx context.Context, c caller, r client.RegisterRequest) (client.Registration, error) {
	receipt, err := a.done(a.cfg.Commands.RegisterAgent(ctx, c.actor, c.meta(), agentSpec(r)))
	return client.Registration{
		Receipt: receipt, Tenant: c.actor.Tenant, Principal: c.actor.ID, HeartbeatMS: a.cfg.Heartbeat.Milliseconds(), NATS: a.natsFor(c.actor),
	}, err
}
