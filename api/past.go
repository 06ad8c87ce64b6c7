package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
)

// back has a request with the header Mesh-At answered as of then, and tells the
// event in the answer's header. Whoever asks needs the right to rebuild read
// models, which is what it takes; what they see is what they may see today.
func (a *API) back(r *http.Request, c caller, h http.Header) (*http.Request, error) {
	when := r.Header.Get(client.HeaderAt)
	if when == "" {
		return r, nil
	}
	if !hasPast(r.Method, r.URL.Path) {
		return r, domain.InvalidField(client.HeaderAt, "only tasks, agents, events, counts, memory and documents can be read as they were, and nothing can be changed there")
	}
	if err := a.cfg.Commands.Authorise(c.actor, "projection.rebuild", identity.Resource{Kind: "projection"}); err != nil {
		return r, err
	}
	seq, err := a.seqAt(r, when)
	if err != nil {
		return r, err
	}
	h.Set(client.HeaderAt, strconv.FormatUint(seq, 10))
	return r.WithContext(projections.AsOf(r.Context(), seq)), nil
}

// hasPast reports whether an answer is made of read models alone.
func hasPast(method, path string) bool {
	if method == http.MethodPost {
		return path == "/v1/memory/search"
	}
	list, one, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	if method != http.MethodGet || strings.Contains(one, "/") {
		return false
	}
	switch list {
	case "tasks", "agents", "documents":
		return true
	case "memory":
		return one != "stats"
	case "events", "counts":
		return one == ""
	}
	return false
}

// seqAt returns the last event of the decision that a sequence, a position or a
// time names.
func (a *API) seqAt(r *http.Request, when string) (uint64, error) {
	seq, err := strconv.ParseUint(when, 10, 64)
	if at, timeErr := time.Parse(time.RFC3339, when); err != nil && timeErr == nil {
		seq, err = a.cfg.Store.SeqAt(r.Context(), at)
		if err == nil && seq == 0 {
			return 0, domain.InvalidField(client.HeaderAt, "the log begins after %s", when)
		}
	} else if err != nil {
		seq, err = a.cfg.Store.ParsePosition(when)
	}
	if err != nil {
		return 0, err
	}
	if seq == 0 {
		return 0, domain.InvalidField(client.HeaderAt, "%.64q names no event: give a sequence from 1, a position, or a time such as 2026-01-31T10:30:00Z", when)
	}
	end, err := a.cfg.Store.EndOfDecision(r.Context(), seq)
	if errors.Is(err, eventstore.ErrNotFound) {
		return 0, domain.InvalidField(client.HeaderAt, "the log has no event %d", seq)
	}
	return end, err
}
