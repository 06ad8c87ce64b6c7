package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// maxFindings is how many findings of a kind are shown.
const maxFindings = 10

// print writes the report.
func (r demoReport) print(a *app) error {
	if a.json() {
		return a.printJSON(r)
	}
	took := time.Duration(r.TookMS) * time.Millisecond
	fmt.Fprint(a.stdout, "\nIn the files\n")
	a.printFields([][2]string{
		{"  files", fmt.Sprintf("%d: %d lines, %d words, %s", r.Files, r.Lines, r.Words, bytesText(r.Bytes))},
		{"  not gofmt-formatted", fmt.Sprint(len(r.Unformatted))},
		{"  syntax errors", fmt.Sprint(len(r.Syntax))},
		{"  go vet findings", fmt.Sprint(len(r.Vet))},
		{"  same content", fmt.Sprintf("%d groups of files", len(r.Duplicates))},
	})
	printFindings(a.stdout, "Not formatted", r.Unformatted)
	printFindings(a.stdout, "Syntax errors", r.Syntax)
	printFindings(a.stdout, "go vet", r.Vet)
	var groups []string
	for _, d := range r.Duplicates {
		groups = append(groups, strings.Join(d, " = "))
	}
	printFindings(a.stdout, "Same content", groups)

	fmt.Fprint(a.stdout, "\nIn the mesh\n")
	a.printFields([][2]string{
		{"  tasks", fmt.Sprintf("%d submitted, %d completed, %d not completed, %d lost", r.Tasks, r.Completed, len(r.NotCompleted), len(r.Lost))},
		{"  attempts", fmt.Sprintf("%d: %d took over from another agent, %d were handed back unstarted", r.Attempts, r.Reassigned, r.Returned)},
		{"  killed with SIGKILL", fmt.Sprintf("%d of %d agents, the mesh %s", r.AgentsKilled, r.Agents, times(r.MeshKilled))},
		{"  submit to start", r.ToStart.String()},
		{"  submit to done", r.ToDone.String()},
		{"  took", fmt.Sprintf("%s, %.0f tasks/s", span(took), float64(r.Tasks)/max(took.Seconds(), 0.001))},
		{"  rebuilt read model equals live", r.equalText()},
	})
	printFindings(a.stdout, "Lost", r.Lost)
	printFindings(a.stdout, "Not completed", r.NotCompleted)
	return nil
}

// equalText says whether every read model equals its rebuilt one, with each
// one's name and rows.
func (r demoReport) equalText() string {
	var parts []string
	for _, v := range r.Verified {
		part := fmt.Sprintf("%s %d rows", v.Projection, v.Rows)
		if !v.Equal {
			part += " DIFFER: " + oneLine(v.Difference, 200)
		}
		parts = append(parts, part)
	}
	if r.equal() {
		return "yes (" + strings.Join(parts, ", ") + ")"
	}
	return "NO (" + strings.Join(parts, ", ") + ")"
}

// equal reports whether there are read models and all of them are equal.
func (r demoReport) equal() bool {
	for _, v := range r.Verified {
		if !v.Equal {
			return false
		}
	}
	return len(r.Verified) > 0
}

// verdict fails when the demo did not show what it promises.
func (r demoReport) verdict() error {
	switch {
	case len(r.Lost) > 0:
		return &failure{Exit: exitFailed, Code: "lost", Message: fmt.Sprintf("%d acknowledged tasks were lost", len(r.Lost))}
	case len(r.NotCompleted) > 0:
		return &failure{Exit: exitFailed, Code: "not_completed", Message: fmt.Sprintf("%d tasks did not complete", len(r.NotCompleted))}
	case !r.equal():
		return &failure{Exit: exitFailed, Code: "different", Message: "a rebuilt read model differs from the live one"}
	}
	return nil
}

// String shows the percentiles.
func (p percentiles) String() string {
	ms := func(v float64) string { return span(time.Duration(v * float64(time.Millisecond))) }
	return fmt.Sprintf("p50 %s, p95 %s, p99 %s, max %s", ms(p.P50), ms(p.P95), ms(p.P99), ms(p.Max))
}

func printFindings(w io.Writer, title string, findings []string) {
	if len(findings) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, f := range findings[:min(len(findings), maxFindings)] {
		fmt.Fprintln(w, "  "+oneLine(f, 200))
	}
	if more := len(findings) - maxFindings; more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
