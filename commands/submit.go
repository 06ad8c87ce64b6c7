package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// MaxBatch is the most items that one batch may hold.
const MaxBatch = 1_000

// Submission is one task of a batch.
type Submission struct {
	Meta Meta
	Spec task.Spec
}

// SubmitTask makes a task. With a key that this principal used before, it
// answers with the first task when the content is the same, and fails with
// task.ErrKeyReused when it is not.
func (s *Service) SubmitTask(ctx context.Context, by domain.Actor, m Meta, spec task.Spec) (Result, error) {
	return s.run(by, "task.submit", m, aboutSpec(spec), func(cmd eventstore.Command) (Result, error) {
		p, err := s.prepare(ctx, by, m, cmd, spec)
		if err != nil {
			return s.refused(ctx, p, err)
		}
		receipt, err := s.store.Append(ctx, p.decision)
		return s.submitted(ctx, p, receipt, err)
	})
}

// SubmitTasks makes up to MaxBatch tasks in one go. Each item stands for
// itself: some may be refused while the others are made.
func (s *Service) SubmitTasks(ctx context.Context, by domain.Actor, items []Submission) []ItemResult {
	began := s.now()
	results := make([]ItemResult, len(items))
	finish := make([]func() (Result, error), len(items))
	for i, item := range items {
		finish[i] = s.submitAsync(ctx, by, item)
	}
	for i := range items {
		res, err := finish[i]()
		results[i] = ItemResult{Result: res, Err: s.ended("task.submit", began, err)}
	}
	return results
}

// submitAsync starts one item of a batch and returns what finishes it.
func (s *Service) submitAsync(ctx context.Context, by domain.Actor, item Submission) func() (Result, error) {
	if err := s.admit(by, "task.submit", item.Meta, aboutSpec(item.Spec)); err != nil {
		return func() (Result, error) { return Result{}, err }
	}
	p, err := s.prepare(ctx, by, item.Meta, s.envelope(by, item.Meta), item.Spec)
	if err != nil {
		return func() (Result, error) { return s.refused(ctx, p, err) }
	}
	type outcome struct {
		receipt eventstore.Receipt
		err     error
	}
	done := make(chan outcome, 1)
	s.store.AppendAsync(p.decision, func(r eventstore.Receipt, err error) { done <- outcome{r, err} })
	return func() (Result, error) {
		o := <-done
		return s.submitted(ctx, p, o.receipt, o.err)
	}
}

// prepared is a submission that is ready to be appended.
type prepared struct {
	entity   eventstore.Entity
	keyed    bool // the task may exist already
	spec     task.Spec
	hash     string
	decision eventstore.Decision
}

// prepare decides a submission as if the task were new, which it nearly
// always is; the append finds out.
func (s *Service) prepare(ctx context.Context, by domain.Actor, m Meta, cmd eventstore.Command, spec task.Spec) (prepared, error) {
	p := prepared{
		entity: eventstore.Entity{Tenant: by.Tenant, Kind: kindTask, ID: newID()},
		spec:   spec.WithDefaults(), hash: requestHash(spec),
	}
	if spec.Remember {
		about := memory.Spec{Kind: memory.KindEpisode, Scope: memory.TenantScope}
		if err := s.Authorise(by, "memory.write", aboutMemory("", about)); err != nil {
			return p, err
		}
	}
	if m.Key != "" {
		p.entity.ID, p.keyed = keyedID(by.Tenant, by.ID, "task.submit", m.Key), true
	}
	var err error
	if p.spec.Input, err = s.offload(ctx, by.Tenant, "input", spec.Input); err != nil {
		return p, err
	}
	events, err := task.Task{ID: p.entity.ID}.Submit(p.spec, p.hash, cmd.Time)
	if err != nil {
		return p, err
	}
	encoded, err := encode(task.Schema, events)
	p.decision = eventstore.Decision{Command: cmd, Writes: []eventstore.Write{{Entity: p.entity, Events: encoded}}}
	return p, err
}

// refused answers a submission that is not valid now; a retry of one that was
// valid when it was first made (its deadline has passed since) gets the first answer.
func (s *Service) refused(ctx context.Context, p prepared, cause error) (Result, error) {
	if !p.keyed || domain.KindOf(cause) != domain.Invalid {
		return Result{}, cause
	}
	st, err := s.tasks.Reload(ctx, p.entity)
	if err != nil || st.State.RequestHash != p.hash {
		return Result{}, cause
	}
	return Result{ID: p.entity.ID, Seq: st.Seq, Repeat: true}, nil
}

// submitted turns the outcome of the append into the answer.
func (s *Service) submitted(ctx context.Context, p prepared, r eventstore.Receipt, err error) (Result, error) {
	var conflict *eventstore.ConflictError
	if errors.As(err, &conflict) {
		return s.repeated(ctx, p)
	}
	if err != nil {
		return Result{}, fmt.Errorf("submit task %s: %w", p.entity.ID, err)
	}
	return Result{ID: p.entity.ID, Seq: r.Last(), Repeat: r.Repeat}, nil
}

// repeated answers a submission whose task exists already.
func (s *Service) repeated(ctx context.Context, p prepared) (Result, error) {
	st, err := s.tasks.Reload(ctx, p.entity)
	if err != nil {
		return Result{}, fmt.Errorf("load task %s: %w", p.entity.ID, err)
	}
	if _, err := st.State.Submit(p.spec, p.hash, s.now()); err != nil {
		return Result{}, err
	}
	return Result{ID: p.entity.ID, Seq: st.Seq, Repeat: true}, nil
}

// aboutSpec is a task that is not yet there, as policies see it.
func aboutSpec(spec task.Spec) identity.Resource {
	return identity.Resource{Kind: kindTask, Attributes: func() map[string]any { return taskAttributes(spec.WithDefaults()) }}
}

// requestHash tells whether two submissions ask for the same.
func requestHash(spec task.Spec) string {
	data, err := json.Marshal(spec)
	if err != nil { // only an input that is no JSON; it is refused with its field's name later
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}
