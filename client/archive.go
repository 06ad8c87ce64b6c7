package client

import (
	"context"
	"net/http"
	"time"
)

// Archive says how far the archive of a mesh's log is.
type Archive struct {
	Configured bool      `json:"configured" doc:"whether the mesh archives its log at all"`
	Active     bool      `json:"active" doc:"whether the node that answers does it"`
	Log        string    `json:"log,omitempty" doc:"identity of the log"`
	Archived   uint64    `json:"archived" doc:"sequence up to which the archive holds the log"`
	LastAt     time.Time `json:"last_at,omitzero" doc:"when the event of that sequence was stored"`
	SealedAt   time.Time `json:"sealed_at,omitzero" doc:"when the last segment was written"`
	Segments   int       `json:"segments"`
	Pending    int       `json:"pending" doc:"events read and not archived yet"`
	Failures   uint64    `json:"failures" doc:"tries that failed, since the node began"`
	Error      string    `json:"error,omitempty" doc:"why the last try failed"`
}

// Archive returns how far the archive of the log is.
func (c *Client) Archive(ctx context.Context) (Archive, error) {
	return get[Archive](ctx, c, "/v1/archive", nil)
}

// FlushArchive has the log archived up to its present end, and waits until it
// is. It fails with kind Conflict where the log is not archived, and with
// Unavailable when the archive does not get there.
func (c *Client) FlushArchive(ctx context.Context) (Archive, error) {
	var out Archive
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/archive/flush", wait: time.Minute, repeat: true, out: &out})
	return out, err
}
