package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
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

// Scrub is what a comparison of a part of the log with its archive has found.
type Scrub struct {
	UpTo        uint64       `json:"up_to" doc:"compared up to this sequence; go on after it while it is before end"`
	End         uint64       `json:"end" doc:"sequence up to which the archive holds the log"`
	Events      uint64       `json:"events" doc:"archived events that were compared"`
	Found       uint64       `json:"found" doc:"differences"`
	Differences []Difference `json:"differences" doc:"the first of them"`
}

// Difference is where a log and its archive are not the same.
type Difference struct {
	Seq    uint64 `json:"seq"`
	Kind   string `json:"kind" doc:"missing in the log, missing in the archive, differs, or unreadable: the segment of the archive that begins here"`
	Detail string `json:"detail,omitempty" doc:"the subject of what is missing, the first part that differs, or what is damaged"`
}

// ScrubArchive compares the log with its archive after a sequence, at most rate
// events a second (0: 20,000), for a few seconds. It fails with kind Conflict
// where the log is not archived, and with Unavailable where the node that
// answers has not opened the archive or cannot reach it.
func (c *Client) ScrubArchive(ctx context.Context, after uint64, rate int) (Scrub, error) {
	q := url.Values{"after": {strconv.FormatUint(after, 10)}}
	if rate > 0 {
		q.Set("rate", strconv.Itoa(rate))
	}
	var out Scrub
	err := c.do(ctx, call{method: http.MethodGet, path: "/v1/archive/scrub", query: q, wait: time.Minute, repeat: true, out: &out})
	return out, err
}
