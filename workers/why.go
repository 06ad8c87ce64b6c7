package workers

import (
	"context"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/domain/task"
)

// Why says in plain sentences why a task stands where it stands, as this node
// sees it. It fails with task.ErrNotFound, with an Unavailable error when the
// coordinator has stopped, or when a finished task cannot be read from the log.
func (c *Coordinator) Why(ctx context.Context, tenant, taskID string) (Why, error) {
	k := key{tenant, taskID}
	var why Why
	known := false
	err := c.ask(ctx, func(now time.Time) {
		if w := c.fleet.works[k]; w != nil && w.loading == 0 {
			known, why = true, c.explain(w, now)
		}
	})
	if err != nil || known {
		return why, err
	}
	h, err := c.history(ctx, k)
	switch {
	case err != nil:
		return Why{}, err
	case h.err != nil:
		return unreadable(h.loaded.State.Status, h.err.Error()), nil
	case !h.loaded.State.Exists():
		return Why{}, task.ErrNotFound
	}
	t := h.loaded.State
	why = Why{Status: t.Status, Summary: "the task is " + phrase(t.Status)}
	if t.Reason != "" {
		why.Summary += ": " + t.Reason
	}
	return why, nil
}

func unreadable(s task.Status, err string) Why {
	return Why{
		Status: s, Summary: "the task has an event that this binary does not know, so this node does not act on it",
		Details: []string{err},
	}
}

// phrase words a status.
func phrase(s task.Status) string {
	if s == task.StatusDeadLettered {
		return "dead-lettered"
	}
	return string(s)
}

// explain words the state of a task that is not final.
func (c *Coordinator) explain(w *work, now time.Time) Why {
	t := w.state()
	why := Why{Status: t.Status}
	switch {
	case w.readOnly != "":
		return unreadable(t.Status, w.readOnly)
	case t.Status.Held():
		why.Summary = c.attemptStory(w, now)
	case now.Before(t.NotBefore):
		why.Summary = "waits until " + clock(t.NotBefore, now)
		if t.Attempt > 0 {
			why.Summary += fmt.Sprintf(" after attempt %d failed: %s", t.Attempt, t.Reason)
		}
	case now.Before(w.restUntil):
		why.Summary = fmt.Sprintf("waits until %s after agents handed it back %d times in a row: %s", clock(w.restUntil, now), w.returns, t.Reason)
	case w.flight != nil && w.flight.until.IsZero():
		why.Summary = "is being assigned now"
	default:
		why.Summary, why.Details = c.fleet.candidates(w)
		if ahead := w.class.ahead(w); ahead > 0 {
			why.Details = append(why.Details, fmt.Sprintf("%s of higher priority or age %s ahead", count(ahead, "task"), are(ahead)))
		}
	}
	if c.lease.node == "" {
		why.Details = append(why.Details, "no node coordinates at the moment")
	}
	if !c.caughtUp {
		why.Details = append(why.Details, "this node is still reading the log")
	}
	return why
}

func (c *Coordinator) attemptStory(w *work, now time.Time) string {
	t := w.state()
	name := t.Agent
	if w.slot != nil && w.slot.loaded.State.Spec.Name != "" {
		name = w.slot.loaded.State.Spec.Name
	}
	verb := "assigned to"
	if t.Status == task.StatusRunning {
		verb = "running on"
	}
	story := fmt.Sprintf("%s agent %s, attempt %d, last sign of life %s ago", verb, name, t.Attempt, ago(w.sign, now))
	if t.Status == task.StatusAssigned && !w.named {
		story = fmt.Sprintf("assigned to agent %s %s ago, not begun", name, ago(t.LastSign, now))
	}
	return story
}

// ago words a span of time, to the second.
func ago(at, now time.Time) string {
	s := max(0, int(now.Sub(at).Seconds()))
	if s < 120 {
		return fmt.Sprintf("%d s", s)
	}
	return (time.Duration(s) * time.Second).String()
}

// clock words a time, with its day if it is not within one.
func clock(at, now time.Time) string {
	if at.Sub(now) < 24*time.Hour {
		return at.UTC().Format("15:04:05 UTC")
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
