package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// SleepRequest puts an agent to sleep. Over HTTP the id is in the path.
type SleepRequest struct {
	ID         string `json:"id,omitempty" doc:"agent id or a prefix of it of at least 4 characters"`
	Checkpoint string `json:"checkpoint,omitempty" doc:"the agent's state as text, at most 65536 bytes; none when left out"`
	Reason     string `json:"reason,omitempty" maxLength:"1024"`
}

// Checkpoint is the state with which an agent sleeps.
type Checkpoint struct {
	Memory string `json:"memory,omitempty" doc:"id of the item that holds it"`
	Digest string `json:"digest,omitempty" doc:"of the text: sha256:…"`
}

// SleepReceipt is the outcome of SleepAgent.
type SleepReceipt struct {
	Receipt
	Checkpoint Checkpoint `json:"checkpoint"`
}

// WakeRequest wakes an agent. Over HTTP the id is in the path.
type WakeRequest struct {
	ID     string `json:"id,omitempty" doc:"agent id or a prefix of it of at least 4 characters"`
	Query  string `json:"query,omitempty" maxLength:"8192" doc:"what the pack is to be about; default: what the checkpoint says"`
	Budget int    `json:"budget,omitempty" minimum:"16" maximum:"100000" doc:"tokens of the pack, default 2000"`
}

// Awakening is what an agent finds when it wakes.
type Awakening struct {
	Receipt
	Checkpoint        Checkpoint `json:"checkpoint"`
	Text              string     `json:"text,omitempty" doc:"of the checkpoint"`
	CheckpointProblem string     `json:"checkpoint_problem,omitempty" doc:"why the text is not what the agent slept with, or is not told"`
	Memory            *Pack      `json:"memory,omitempty" doc:"what is worth knowing, within the agent's rights"`
	MemoryError       string     `json:"memory_error,omitempty" doc:"why there is no pack, though one was to be had"`
}

// SleepAgent puts an agent to sleep: it is given no tasks and is not missed.
// The checkpoint, its state as text, is remembered; it may be empty. It fails
// with the code agent_busy while the agent runs tasks: drain it first.
func (c *Client) SleepAgent(ctx context.Context, r SleepRequest) (SleepReceipt, error) {
	var out SleepReceipt
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/agents/" + url.PathEscape(r.ID) + "/sleep", body: r, key: uuid.NewString(), repeat: true, out: &out})
	return out, err
}

// WakeAgent wakes an agent that is asleep and returns its checkpoint with what
// is worth knowing. It fails with the code agent_not_asleep for any other.
func (c *Client) WakeAgent(ctx context.Context, r WakeRequest) (Awakening, error) {
	var out Awakening
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/agents/" + url.PathEscape(r.ID) + "/wake", body: r, key: uuid.NewString(), repeat: true, out: &out})
	return out, err
}
