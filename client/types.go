package client

import (
	"encoding/json"
	"time"
)

// SubmitRequest asks for one task. Only Capabilities or Queue, and Input, are
// usually given; everything else has a default.
type SubmitRequest struct {
	Key          string            `json:"key,omitempty" doc:"idempotency key: the same key with the same content is the same task" maxLength:"256"`
	Queue        string            `json:"queue,omitempty" doc:"queue name, default \"default\""`
	Capabilities []string          `json:"capabilities,omitempty" doc:"an agent must have all of them"`
	Priority     int               `json:"priority,omitempty" doc:"0 to 9, higher first"`
	Input        json.RawMessage   `json:"input,omitempty" doc:"any JSON value, at most 8 MiB"`
	Deadline     *time.Time        `json:"deadline,omitempty" doc:"failed when not done by then"`
	NotBefore    *time.Time        `json:"not_before,omitempty" doc:"not assigned earlier"`
	LeaseMS      int64             `json:"lease_ms,omitempty" doc:"longest silence of an attempt in milliseconds, default 30000"`
	Retry        *Retry            `json:"retry,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Recall       *TaskRecall       `json:"recall,omitempty" doc:"the agent gets what is worth knowing with its assignment, within its own rights"`
	Remember     bool              `json:"remember,omitempty" doc:"remember the result for the tenant, when it is of at most 65536 bytes; needs memory.write"`
}

// TaskRecall asks for what is worth knowing for a task.
type TaskRecall struct {
	Query  string   `json:"query,omitempty" maxLength:"8192" doc:"default: what the input says"`
	Budget int      `json:"budget,omitempty" minimum:"16" maximum:"20000" doc:"tokens, default 2000"`
	Kinds  []string `json:"kinds,omitempty" maxItems:"16" enum:"fact,decision,chunk,episode,skill,summary,checkpoint" doc:"default: every kind but checkpoints"`
}

// Retry says how often, and after which pauses, a task is tried.
type Retry struct {
	MaxAttempts  int     `json:"max_attempts,omitempty" doc:"default 3"`
	BackoffMS    int64   `json:"backoff_ms,omitempty" doc:"pause after the first failure, doubled each time; default 1000"`
	MaxBackoffMS int64   `json:"max_backoff_ms,omitempty" doc:"default 60000"`
	Jitter       float64 `json:"jitter,omitempty" doc:"0 to 1, default 0.2"`
}

// Receipt answers every command: what it concerned, and the position in the
// log that it reached. Pass Position as After to a query to read your write.
type Receipt struct {
	ID       string `json:"id"`
	Position string `json:"position"`
	Repeat   bool   `json:"repeat,omitempty" doc:"the same command had been carried out before"`
}

// ItemResult is the outcome of one item of a batch.
type ItemResult struct {
	Receipt
	Error *Problem `json:"error,omitempty"`
}

// Problem is an error as the API tells it (RFC 9457 plus code and field).
type Problem struct {
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code,omitempty"`
	Field  string `json:"field,omitempty"`
}

// Task is a row of the tasks read model.
type Task struct {
	ID           string            `json:"id"`
	Status       string            `json:"status"`
	Queue        string            `json:"queue"`
	Capabilities []string          `json:"capabilities"`
	Priority     int               `json:"priority"`
	Labels       map[string]string `json:"labels,omitempty"`
	Attempt      int               `json:"attempt"`
	Failures     int               `json:"failures"`
	MaxAttempts  int               `json:"max_attempts"`
	LeaseMS      int64             `json:"lease_ms"`
	Agent        string            `json:"agent,omitempty"`
	Reason       string            `json:"reason,omitempty"`
	Progress     int               `json:"progress,omitempty"`
	Message      string            `json:"message,omitempty"`
	SubmittedBy  string            `json:"submitted_by"`
	SubmittedAt  time.Time         `json:"submitted_at"`
	NotBefore    *time.Time        `json:"not_before,omitempty"`
	Deadline     *time.Time        `json:"deadline,omitempty"`
	StartedAt    *time.Time        `json:"started_at,omitempty"`
	FinishedAt   *time.Time        `json:"finished_at,omitempty"`
	UpdatedAt    time.Time         `json:"updated_at"`
	Position     string            `json:"position"`
	Input        *Payload          `json:"input,omitempty"`
	Result       *Payload          `json:"result,omitempty"`
	Attempts     []Attempt         `json:"attempts,omitempty"`
	Incomplete   bool              `json:"incomplete,omitempty" doc:"an event of this task is parked; see mesh projection parked"`
}

// Payload is JSON inline, or a reference to an artifact.
type Payload struct {
	Inline   json.RawMessage `json:"inline,omitempty"`
	Artifact *Artifact       `json:"artifact,omitempty"`
}

// Artifact refers to a payload in the object store; fetch it with Client.Artifact.
type Artifact struct {
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	MediaType string `json:"media_type"`
}

// Attempt is one assignment of a task and what came of it.
type Attempt struct {
	Number     int        `json:"number"`
	Agent      string     `json:"agent"`
	Outcome    string     `json:"outcome" doc:"assigned, running, completed, retry, fail, dead_letter, returned, cancelled or deadline"`
	Error      string     `json:"error,omitempty"`
	AssignedAt time.Time  `json:"assigned_at"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	Log        *Payload   `json:"log,omitempty"`
}

// Agent is a row of the agents read model.
type Agent struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Status       string            `json:"status" doc:"active, draining, lost, left or asleep"`
	Capabilities []string          `json:"capabilities"`
	Queues       []string          `json:"queues,omitempty"`
	Capacity     int               `json:"capacity"`
	Load         int               `json:"load" doc:"tasks it holds"`
	Version      string            `json:"version,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	RegisteredAt time.Time         `json:"registered_at"`
	UpdatedAt    time.Time         `json:"updated_at"`
	Position     string            `json:"position"`
	Incomplete   bool              `json:"incomplete,omitempty"`
}

// Event is one entry of the log.
type Event struct {
	Position    string          `json:"position"`
	Seq         uint64          `json:"seq"`
	ID          string          `json:"id"`
	Tenant      string          `json:"tenant"`
	Kind        string          `json:"kind"`
	Entity      string          `json:"entity"`
	Type        string          `json:"type"`
	Schema      int             `json:"schema"`
	Source      string          `json:"source"`
	Time        time.Time       `json:"time"`
	Actor       string          `json:"actor"`
	Command     string          `json:"command,omitempty"`
	Correlation string          `json:"correlation,omitempty"`
	Causation   string          `json:"causation,omitempty"`
	TraceParent string          `json:"traceparent,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
}

// Page is one page of a list. Next is empty on the last page. Position is how
// far the read model is, Lag how many events it is behind the log.
type Page[T any] struct {
	Items    []T    `json:"items"`
	Next     string `json:"next,omitempty"`
	Position string `json:"position"`
	Lag      uint64 `json:"lag"`
}

// ListOptions narrow and page a list.
type ListOptions struct {
	Filter string // the filter grammar: "status:waiting,running priority>=5 label.env:prod"
	Limit  int    // 1–1000, default 50
	Cursor string // Page.Next of the page before
	After  string // wait until the read model has reached this position
}

// CloudEvent is an external fact in CloudEvents structured mode (1.0).
type CloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            *time.Time      `json:"time,omitempty"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
}

// Count is the number of tasks of one queue and status now.
type Count struct {
	Queue  string `json:"queue"`
	Status string `json:"status"`
	Tasks  int64  `json:"tasks"`
}

// HourCount is how many tasks of a queue entered a status within an hour.
type HourCount struct {
	Hour   time.Time `json:"hour"`
	Queue  string    `json:"queue"`
	Status string    `json:"status"`
	Tasks  int64     `json:"tasks"`
}

// Counts sums up a tenant's tasks.
type Counts struct {
	Now      []Count     `json:"now"`
	Hourly   []HourCount `json:"hourly"`
	Position string      `json:"position"`
	Lag      uint64      `json:"lag"`
}

// Projection is the state of one read model.
type Projection struct {
	Name       string    `json:"name"`
	Version    int       `json:"version"`
	Generation int       `json:"generation"`
	Status     string    `json:"status" doc:"live, rebuilding, behind, stalled or stopped"`
	Position   string    `json:"position"`
	Lag        uint64    `json:"lag" doc:"events behind the log"`
	LagMS      int64     `json:"lag_ms"`
	Parked     int64     `json:"parked"`
	Progress   *Progress `json:"rebuild,omitempty"`
	Error      string    `json:"error,omitempty"`
}

// Progress of a rebuild.
type Progress struct {
	Generation int     `json:"generation"`
	Done       uint64  `json:"done"`
	Total      uint64  `json:"total"`
	PerSecond  float64 `json:"per_second"`
	LeftMS     int64   `json:"left_ms"`
}

// Parked is an event that a projection could not apply, or one that waits behind it.
type Parked struct {
	Projection string    `json:"projection"`
	Key        string    `json:"key" doc:"the entity that is parked"`
	Seq        uint64    `json:"seq"`
	EventID    string    `json:"event_id"`
	EventType  string    `json:"event_type"`
	Error      string    `json:"error"`
	Attempts   int       `json:"attempts"`
	Behind     bool      `json:"behind" doc:"not faulty itself: waits behind an earlier event"`
	FirstAt    time.Time `json:"first_at"`
	LastAt     time.Time `json:"last_at"`
}

// Verification is the outcome of comparing live tables with rebuilt ones.
type Verification struct {
	Projection string `json:"projection"`
	Equal      bool   `json:"equal"`
	Position   string `json:"position"`
	Rows       int64  `json:"rows"`
	Live       string `json:"live_hash"`
	Rebuilt    string `json:"rebuilt_hash"`
	Difference string `json:"difference,omitempty" doc:"first table and key that differ"`
}

// Why explains why a task waits.
type Why struct {
	Task    string   `json:"task"`
	Status  string   `json:"status"`
	Summary string   `json:"summary"`
	Details []string `json:"details,omitempty"`
}

// Readiness says what is ready and what is not, and why.
type Readiness struct {
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks"`
}

// Check is one part of Readiness.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Warn   bool   `json:"warn,omitempty" doc:"worth a look, but the mesh is ready all the same"`
	Detail string `json:"detail,omitempty"`
}

// Version is what runs at the other end.
type Version struct {
	Version   string `json:"version"`
	Commit    string `json:"commit,omitempty"`
	GoVersion string `json:"go_version"`
	Epoch     string `json:"epoch"`
}
