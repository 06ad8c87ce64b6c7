package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// maxBatch is how many items the mesh takes in one request.
const maxBatch = 1000

// batchLine is the answer to one line of a batch.
type batchLine struct {
	Line int `json:"line"`
	client.ItemResult
}

// submitBatch submits one task per line. A line that is not a task ends the
// command before anything is sent; a task that is refused does not keep the
// others from being submitted.
func (cmd *taskSubmitCmd) submitBatch(ctx context.Context, a *app, c *client.Client, defaults client.SubmitRequest) error {
	if cmd.Input != "" || cmd.Key != "" {
		return usagef("--batch takes input and key from its lines; leave out --input and --key")
	}
	requests, lines, err := readBatch(a, cmd.Batch, defaults)
	if err != nil {
		return err
	}
	var ids []string
	refused := 0
	for start := 0; start < len(requests); start += maxBatch {
		end := min(start+maxBatch, len(requests))
		results, err := c.SubmitBatch(ctx, requests[start:end])
		if err != nil {
			return fmt.Errorf("submit the tasks from line %d on (%d tasks before were submitted): %w", lines[start], len(ids), err)
		}
		for i, r := range results {
			if r.Error != nil {
				refused++
			} else {
				ids = append(ids, r.ID)
			}
			if err := cmd.printItem(a, batchLine{lines[start+i], r}); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(a.stderr, "%d submitted, %d refused\n", len(ids), refused)
	if cmd.Wait {
		if err := waitFor(ctx, a, c, ids); err != nil {
			return err
		}
	}
	if refused > 0 {
		return &failure{Exit: exitFailed, Code: "items_refused", Message: fmt.Sprintf("%d of %d tasks were refused", refused, len(requests))}
	}
	return nil
}

func (cmd *taskSubmitCmd) printItem(a *app, line batchLine) error {
	switch {
	case a.json() && !cmd.Wait:
		return a.printLine(line)
	case line.Error != nil:
		fmt.Fprintf(a.stderr, "line %d: %s\n", line.Line, problemText(*line.Error))
	case !cmd.Wait:
		fmt.Fprintln(a.stdout, line.ID)
	}
	return nil
}

// readBatch reads the tasks of a batch and the number of the line of each.
func readBatch(a *app, from string, defaults client.SubmitRequest) (requests []client.SubmitRequest, lines []int, err error) {
	err = a.eachLine(from, func(n int, line []byte) error {
		r := defaults
		if err := decodeStrict(line, &r); err != nil {
			return &failure{Exit: exitUsage, Code: "invalid_line", Message: fmt.Sprintf("--batch: line %d is not a task: %v", n, err), Hint: `a line is like {"capabilities":["echo"],"input":{"n":1}}`}
		}
		r.Input = bytes.Clone(r.Input)
		requests, lines = append(requests, r), append(lines, n)
		return nil
	})
	return requests, lines, err
}

// decodeStrict decodes one JSON value and refuses unknown fields and anything
// behind the value.
func decodeStrict(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value on the line, from byte " + strconv.FormatInt(dec.InputOffset(), 10))
	}
	return nil
}

// problemText says in one line what the mesh refused.
func problemText(p client.Problem) string {
	s := p.Detail
	if s == "" {
		s = p.Title
	}
	if p.Field != "" {
		s = p.Field + ": " + s
	}
	return s
}

// taken is how long a task took from submission to its end.
func taken(t client.Task) time.Duration {
	if t.FinishedAt == nil {
		return 0
	}
	return t.FinishedAt.Sub(t.SubmittedAt)
}
