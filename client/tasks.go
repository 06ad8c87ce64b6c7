package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Submit asks for a task. Without a Key it makes one up, so that its own
// repetitions cannot make a second task; a program that may itself repeat the
// call should choose the key. It fails with IsConflict when the key was used
// before for other content.
func (c *Client) Submit(ctx context.Context, r SubmitRequest) (Receipt, error) {
	if r.Key == "" {
		r.Key = uuid.NewString()
	}
	var out Receipt
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/tasks", body: r, repeat: true, out: &out})
	return out, err
}

// SubmitBatch asks for up to 1,000 tasks at once. Each is accepted or refused
// on its own: look at the results. The error is about the call as a whole.
func (c *Client) SubmitBatch(ctx context.Context, rs []SubmitRequest) ([]ItemResult, error) {
	keyed := make([]SubmitRequest, len(rs))
	for i, r := range rs {
		if r.Key == "" {
			r.Key = uuid.NewString()
		}
		keyed[i] = r
	}
	var out BatchResult
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/tasks/batch", body: SubmitBatch{Tasks: keyed}, repeat: true, out: &out})
	return out.Results, err
}

// Cancel ends a task that is not finished. Its agent is told to stop.
func (c *Client) Cancel(ctx context.Context, id, reason string) (Receipt, error) {
	return c.command(ctx, "/v1/tasks/"+url.PathEscape(id)+"/cancel", TaskRequest{Reason: reason})
}

// Requeue gives a dead-lettered or failed task a fresh set of attempts, with
// a new deadline or none.
func (c *Client) Requeue(ctx context.Context, id, reason string, deadline *time.Time) (Receipt, error) {
	return c.command(ctx, "/v1/tasks/"+url.PathEscape(id)+"/requeue", TaskRequest{Reason: reason, Deadline: deadline})
}

// Why explains why a task waits.
func (c *Client) Why(ctx context.Context, id string) (Why, error) {
	return get[Why](ctx, c, "/v1/tasks/"+url.PathEscape(id)+"/why", nil)
}

// Task returns a task with its attempts, input and result. With after, the
// answer is at least as new as that position.
func (c *Client) Task(ctx context.Context, id, after string) (Task, error) {
	return get[Task](ctx, c, "/v1/tasks/"+url.PathEscape(id), afterQuery(after))
}

// Tasks lists tasks, newest first.
func (c *Client) Tasks(ctx context.Context, o ListOptions) (Page[Task], error) {
	return get[Page[Task]](ctx, c, "/v1/tasks", o.query())
}

// TaskEvents returns the events of a task from the log, oldest first. The
// page's Position is one up to which it is complete: subscribe from there.
func (c *Client) TaskEvents(ctx context.Context, id, cursor string) (Page[Event], error) {
	return get[Page[Event]](ctx, c, "/v1/tasks/"+url.PathEscape(id)+"/events", ListOptions{Cursor: cursor, Limit: 1000}.query())
}

// command sends a command that carries its own id, so that it may be repeated.
func (c *Client) command(ctx context.Context, path string, body any) (Receipt, error) {
	var out Receipt
	err := c.do(ctx, call{method: http.MethodPost, path: path, body: body, key: uuid.NewString(), repeat: true, out: &out})
	return out, err
}

// get asks for one thing.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var out T
	err := c.do(ctx, call{method: http.MethodGet, path: path, query: query, repeat: true, out: &out})
	return out, err
}

func afterQuery(after string) url.Values { return ListOptions{After: after}.query() }

func (o ListOptions) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"filter": o.Filter, "cursor": o.Cursor, "after": o.After} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return q
}
