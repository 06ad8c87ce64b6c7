package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/workers/archiver"
)

// flushLimit is how long a request waits for the archive.
const flushLimit = 50 * time.Second

func (a *API) archiveRoutes(h huma.API) {
	getRoute(a, h, "/v1/archive", "archive-state", "See how far the archive of the log is",
		func(context.Context, caller, *struct{}) (client.Archive, error) {
			if a.cfg.Archiver == nil {
				return client.Archive{}, nil
			}
			return a.archive(a.cfg.Archiver.State()), nil
		})
	getRoute(a, h, "/v1/archive/scrub", "archive-scrub", "Compare the log with its archive, for a few seconds",
		func(ctx context.Context, _ caller, in *scrubInput) (client.Scrub, error) {
			return a.scrubArchive(ctx, in)
		})
	flush := operation(http.MethodPost, "/v1/archive/flush", "archive-flush", "Have the log archived up to its present end, and wait until it is")
	huma.Register(h, flush, func(ctx context.Context, _ *struct{}) (*output[client.Archive], error) {
		return answer(ctx, a, func(caller) (client.Archive, error) { return a.flushArchive(ctx) })
	})
}

func (a *API) flushArchive(ctx context.Context) (client.Archive, error) {
	if a.cfg.Archiver == nil {
		return client.Archive{}, errNotArchived()
	}
	end, err := a.cfg.Store.LastSeq(ctx)
	if err != nil {
		return client.Archive{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, flushLimit)
	defer cancel()
	state, err := a.cfg.Archiver.Flush(ctx, end)
	switch {
	case err == nil:
		return a.archive(state), nil
	case state.Error != "":
		return client.Archive{}, &domain.Error{Kind: domain.Unavailable, Code: "archive_failed", Message: fmt.Sprintf("the log is archived up to %d of %d: %s", state.Archived, end, state.Error)}
	case !state.Active:
		return client.Archive{}, &domain.Error{Kind: domain.Unavailable, Code: "archived_elsewhere", Message: "another node archives: ask that one"}
	}
	return client.Archive{}, &domain.Error{Kind: domain.Unavailable, Code: "archive_slow", Message: fmt.Sprintf("the log is archived up to %d of %d: ask again", state.Archived, end)}
}

func (a *API) archive(s archiver.State) client.Archive {
	return client.Archive{
		Configured: true, Active: s.Active, Log: a.cfg.Store.Epoch(), Archived: s.Archived, LastAt: s.LastAt, SealedAt: s.SealedAt,
		Segments: s.Segments, Pending: s.Pending, Failures: s.Failures, Error: s.Error,
	}
}
