package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
)

// policyTestCmd is "mesh policy test".
type policyTestCmd struct {
	File string `arg:"" help:"JSON with the cases, and with policies to try in place of the tenant's own: {\"policies\": {NAME: TEXT}, \"cases\": [{\"name\", \"principal\", \"action\", \"resource\", \"context\", \"expect\"}]}; - for standard input." placeholder:"FILE|-"`
}

// Run asks the mesh what it would decide, and fails when a case comes out
// otherwise than expected.
func (cmd *policyTestCmd) Run(ctx context.Context, a *app) error {
	test, err := cmd.read(a)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	report, err := c.TestPolicies(ctx, test)
	if err != nil {
		return err
	}
	if a.json() {
		err = a.printJSON(report)
	} else {
		err = a.printTable(policyTable(report.Items), "")
	}
	if err == nil && report.Failed > 0 {
		return &failure{Exit: exitFailed, Code: "cases_failed", Message: fmt.Sprintf("%d of %d cases failed", report.Failed, len(report.Items))}
	}
	return err
}

// read reads the file; a field that it should not have is refused, since it is
// likely a word misspelt.
func (cmd *policyTestCmd) read(a *app) (client.PolicyTest, error) {
	var test client.PolicyTest
	arg := cmd.File
	if arg != "-" {
		arg = "@" + arg
	}
	text, from, err := a.readArgument(arg)
	if err != nil {
		return test, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&test); err != nil {
		return test, &failure{Exit: exitUsage, Code: "invalid_json", Message: fmt.Sprintf("%s is not a test of policies: %v", from, err), Hint: "mesh policy test --help"}
	}
	return test, nil
}

func policyTable(results []client.PolicyResult) *table {
	t := &table{header: []string{"", "CASE", "DECISION", "WHY"}}
	for _, r := range results {
		mark, why := cell{"ok", green}, r.Reason
		if why == "" && r.Role != "" {
			why = r.Role + " permits it"
		}
		if !r.OK {
			mark, why = cell{"FAILED", red}, r.Fault+": "+why
		}
		t.add(mark, text(r.Name), text(r.Decision), text(oneLine(why, 200)))
	}
	return t
}
