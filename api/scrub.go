package api

import (
	"context"
	"errors"
	"time"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/workers/archiver"
)

const (
	scrubTime  = 3 * time.Second // of one request
	scrubLimit = 1000            // differences in an answer
)

type scrubInput struct {
	After uint64 `query:"after" doc:"events after this sequence"`
	Rate  int    `query:"rate" minimum:"1000" maximum:"1000000" default:"20000" doc:"events a second at most"`
}

func (a *API) scrubArchive(ctx context.Context, in *scrubInput) (client.Scrub, error) {
	if a.cfg.Archiver == nil {
		return client.Scrub{}, errNotArchived()
	}
	s, err := a.cfg.Archiver.Scrub(ctx, archiver.Slice{After: in.After, Rate: in.Rate, Time: scrubTime, Limit: scrubLimit})
	switch {
	case errors.Is(err, archiver.ErrNotOpen):
		return client.Scrub{}, &domain.Error{Kind: domain.Unavailable, Code: "archive_not_open", Message: "this node has not opened the archive: another one archives, or mesh backup status says what is wrong"}
	case errors.Is(err, archive.ErrUnavailable):
		return client.Scrub{}, &domain.Error{Kind: domain.Unavailable, Code: "archive_failed", Message: err.Error()}
	case err != nil:
		return client.Scrub{}, err
	}
	out := client.Scrub{UpTo: s.UpTo, End: s.End, Events: s.Events, Found: s.Found, Differences: []client.Difference{}}
	for _, d := range s.Differences {
		out.Differences = append(out.Differences, client.Difference{Seq: d.Seq, Kind: d.Kind, Detail: d.Detail})
	}
	return out, nil
}

func errNotArchived() error {
	return &domain.Error{Kind: domain.Conflict, Code: "not_archived", Message: "this node archives nothing: start the mesh with --archive"}
}
