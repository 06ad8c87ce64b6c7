package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/client"
)

// demoReport is what the demo found out, about the files and about the mesh.
type demoReport struct {
	Files        int `json:"files"`
	Tasks        int `json:"tasks"`
	Completed    int `json:"completed"`
	Attempts     int `json:"attempts"`
	Reassigned   int `json:"reassigned"` // attempts that took over from another agent
	Returned     int `json:"returned"`   // assignments that an agent handed back unstarted
	Agents       int `json:"agents"`
	AgentsKilled int `json:"agents_killed"`
	MeshKilled   int `json:"mesh_killed"`

	Lost         []string `json:"lost"`          // acknowledged, but not there
	NotCompleted []string `json:"not_completed"` // with the reason

	Lines       int64      `json:"lines"`
	Words       int64      `json:"words"`
	Bytes       int64      `json:"bytes"`
	Unformatted []string   `json:"unformatted"`
	Syntax      []string   `json:"syntax_errors"`
	Vet         []string   `json:"vet_findings"`
	Duplicates  [][]string `json:"duplicates"` // files with the same content

	ToStart percentiles `json:"submit_to_start"`
	ToDone  percentiles `json:"submit_to_done"`
	TookMS  int64       `json:"took_ms"`

	Verified []client.Verification `json:"verified"`
}

// percentiles of a latency, in milliseconds.
type percentiles struct {
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// percentilesOf sorts the durations in place.
func percentilesOf(ds []time.Duration) percentiles {
	if len(ds) == 0 {
		return percentiles{}
	}
	slices.Sort(ds)
	at := func(share float64) float64 {
		return float64(ds[int(share*float64(len(ds)-1)+0.5)].Microseconds()) / 1000
	}
	return percentiles{at(0.50), at(0.95), at(0.99), at(1)}
}

// collect reads every acknowledged task back and sums up.
func (s *stage) collect(ctx context.Context) error {
	var mu sync.Mutex
	var sum demoSum
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, id := range s.ids {
		g.Go(func() error {
			t, err := s.client.Task(gctx, id, "")
			var result json.RawMessage
			if err == nil {
				result, err = s.client.Payload(gctx, t.Result)
			}
			mu.Lock()
			defer mu.Unlock()
			if client.IsNotFound(err) {
				s.report.Lost = append(s.report.Lost, id)
				return nil
			}
			if err != nil {
				return fmt.Errorf("read task %s back: %w", id, err)
			}
			return sum.add(&s.report, t, result)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	sum.finish(&s.report)
	return nil
}

// demoSum gathers what can only be told when every task was seen.
type demoSum struct {
	toStart, toDone []time.Duration
	checksums       map[string][]string // by SHA-256
}

func (s *demoSum) add(r *demoReport, t client.Task, result json.RawMessage) error {
	r.Attempts += len(t.Attempts)
	for i, at := range t.Attempts {
		if at.Outcome == "returned" {
			r.Returned++
		}
		if i > 0 && at.Agent != t.Attempts[i-1].Agent {
			r.Reassigned++
		}
	}
	if t.StartedAt != nil {
		s.toStart = append(s.toStart, t.StartedAt.Sub(t.SubmittedAt))
	}
	if t.FinishedAt != nil {
		s.toDone = append(s.toDone, taken(t))
	}
	if t.Status != "completed" {
		r.NotCompleted = append(r.NotCompleted, fmt.Sprintf("%s %s: %s", t.ID, t.Status, t.Reason))
		return nil
	}
	r.Completed++
	var f finding
	if err := json.Unmarshal(result, &f); err != nil {
		return fmt.Errorf("result of task %s: %w", t.ID, err)
	}
	s.addFinding(r, f)
	return nil
}

func (s *demoSum) addFinding(r *demoReport, f finding) {
	switch f.Check {
	case "stats":
		r.Lines, r.Words, r.Bytes = r.Lines+f.Lines, r.Words+f.Words, r.Bytes+f.Bytes
	case "checksum":
		if s.checksums == nil {
			s.checksums = map[string][]string{}
		}
		if f.Bytes > 0 {
			s.checksums[f.SHA256] = append(s.checksums[f.SHA256], f.Path)
		}
	case "format":
		if f.Unformatted {
			r.Unformatted = append(r.Unformatted, f.Path)
		}
	case "syntax":
		r.Syntax = append(r.Syntax, f.Errors...)
	case "vet":
		r.Vet = append(r.Vet, f.Errors...)
	}
}

func (s *demoSum) finish(r *demoReport) {
	for _, paths := range s.checksums {
		if len(paths) > 1 {
			slices.Sort(paths)
			r.Duplicates = append(r.Duplicates, paths)
		}
	}
	slices.SortFunc(r.Duplicates, slices.Compare)
	for _, list := range [][]string{r.Lost, r.NotCompleted, r.Unformatted, r.Syntax, r.Vet} {
		slices.Sort(list)
	}
	r.ToStart, r.ToDone = percentilesOf(s.toStart), percentilesOf(s.toDone)
}
