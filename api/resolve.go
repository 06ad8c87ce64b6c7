package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain"
)

// minPrefix is how much of an id must be given, in characters.
const minPrefix = 4

// fullID reports whether s is an id and needs no looking up.
func fullID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// taskID returns the full id of the task that s is the beginning of.
func (a *API) taskID(ctx context.Context, c caller, s string) (string, error) {
	switch {
	case fullID(s):
		return s, nil
	case len(s) < minPrefix:
		return "", domain.InvalidField("id", "%.64q is too short; give at least %d characters", s, minPrefix)
	}
	t, err := a.cfg.Projections.Task(ctx, c.actor.Tenant, s, 0)
	return t.ID, err
}

// agentID returns the full id of the agent that s names or is the beginning of.
func (a *API) agentID(ctx context.Context, c caller, s string) (string, error) {
	switch {
	case fullID(s):
		return s, nil
	case s == "":
		return "", domain.InvalidField("agent", "is missing")
	}
	ag, err := a.cfg.Projections.Agent(ctx, c.actor.Tenant, s, 0)
	return ag.ID, err
}
