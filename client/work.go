package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	maxLog        = 256 << 10   // bytes of a log kept; the rest is cut from its beginning
	maxText       = 4 << 10     // bytes of an error or message that the mesh takes
	progressPause = time.Second // progress told sooner than this after the last is left out
)

// Work is one attempt at a task, as its handler sees it.
type Work struct {
	Task         string
	Number       int // of the attempt, from 1
	Queue        string
	Capabilities []string
	Labels       map[string]string
	Input        json.RawMessage
	SubmittedAt  time.Time
	Deadline     time.Time // zero = none
	Memory       *Pack     // what is worth knowing, if the task asks for it; nil = nothing
	MemoryError  string    // why Memory is nil though the task asks for it

	ctx    context.Context // ends with the attempt
	cancel context.CancelCauseFunc
	input  *Payload
	tell   func(ctx context.Context, percent int, message string)

	mu      sync.Mutex
	told    time.Time // last progress
	log     []byte
	dropped int // bytes cut from the beginning of log
}

func newWork(ctx context.Context, a *Assignment) *Work {
	w := &Work{
		Task: a.Task, Number: a.Attempt, Queue: a.Queue, Capabilities: a.Capabilities, Labels: a.Labels,
		SubmittedAt: a.SubmittedAt, Memory: a.Memory, MemoryError: a.MemoryError, input: a.Input,
	}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	if a.Deadline != nil {
		w.Deadline = *a.Deadline
	}
	return w
}

// Progress tells how far the work is, 0–100 percent, to whoever watches. Told
// more than once a second, it is left out. It is not part of the result: when
// it does not get through, it is lost.
func (w *Work) Progress(percent int, message string) {
	w.mu.Lock()
	now := time.Now()
	soon := now.Sub(w.told) < progressPause
	if !soon {
		w.told = now
	}
	w.mu.Unlock()
	if soon || w.tell == nil {
		return
	}
	w.tell(w.ctx, min(max(percent, 0), 100), truncate(message))
}

// Log adds a line to the attempt's log, which is kept with its outcome. Of a
// log over 256 KiB the end is kept.
func (w *Work) Log(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, line...)
	w.log = append(w.log, '\n')
	if len(w.log) > 2*maxLog {
		w.cutLog()
	}
}

// text returns the log as it is sent.
func (w *Work) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cutLog()
	if w.dropped == 0 {
		return string(w.log)
	}
	return fmt.Sprintf("[%d bytes before this are left out]\n%s", w.dropped, strings.ToValidUTF8(string(w.log), "\uFFFD"))
}

func (w *Work) cutLog() {
	if over := len(w.log) - maxLog; over > 0 {
		w.dropped += over
		w.log = append(w.log[:0], w.log[over:]...)
	}
}

// truncate shortens a text to what the mesh takes.
func truncate(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText-3], "") + "…"
}
