package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// An agent sleeps with its state, takes nothing, is not missed, and wakes with
// its state and what is worth knowing.
func testSleep(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	ctx := within(t, 60*time.Second)
	fact := remember(t, m, client.RememberRequest{Text: "The sleeper's ledger closes on Thursdays."})
	who := client.RegisterRequest{Name: "sleeper", Capabilities: []string{"sleep"}, Capacity: 9}
	reg, err := m.Client.Register(ctx, who)
	if err != nil {
		t.Fatal(err)
	}
	busy := submit(t, m, client.SubmitRequest{Capabilities: []string{"sleep"}})
	got := polled(t, m, reg.ID, "wait=20s")
	if len(got) != 1 || got[0].Assign == nil {
		t.Fatalf("assignment: %+v", got)
	}
	const state = "I was reconciling the ledger; page 7 is next."
	_, err = m.Client.SleepAgent(ctx, client.SleepRequest{ID: reg.ID, Checkpoint: state})
	wantCode(t, err, "agent_busy")
	if _, err := m.Client.Cancel(ctx, busy.ID, "so that it sleeps"); err != nil {
		t.Fatal(err)
	}
	var slept client.SleepReceipt
	apitest.Eventually(t, func() bool {
		slept, err = m.Client.SleepAgent(ctx, client.SleepRequest{ID: reg.ID, Checkpoint: state, Reason: "night"})
		return err == nil
	})
	sum := sha256.Sum256([]byte(state))
	if want := "sha256:" + hex.EncodeToString(sum[:]); slept.Checkpoint.Digest != want || slept.Checkpoint.Memory == "" {
		t.Fatalf("checkpoint: %+v, want %s", slept.Checkpoint, want)
	}
	sleepsOn(t, m, reg.ID, slept)
	woken, err := m.Client.WakeAgent(ctx, client.WakeRequest{ID: reg.ID, Query: "when does the ledger close?", Budget: 200})
	if err != nil {
		t.Fatal(err)
	}
	if woken.Text != state || woken.CheckpointProblem != "" || woken.Checkpoint != slept.Checkpoint {
		t.Errorf("checkpoint: %+v", woken)
	}
	if woken.Memory == nil || len(woken.Memory.Items) == 0 || woken.Memory.Items[0].ID != fact || woken.Memory.Tokens > 200 {
		t.Errorf("pack: %+v, %s", woken.Memory, woken.MemoryError)
	}
	_, err = m.Client.WakeAgent(ctx, client.WakeRequest{ID: reg.ID})
	wantCode(t, err, "agent_not_asleep")
	submit(t, m, client.SubmitRequest{Capabilities: []string{"sleep"}})
	apitest.Eventually(t, func() bool {
		got := polled(t, m, reg.ID, "wait=1s")
		return len(got) == 1 && got[0].Assign != nil
	})
}

// sleepsOn looks at an agent that is asleep for longer than the silence after
// which another is lost.
func sleepsOn(t *testing.T, m *apitest.Mesh, id string, slept client.SleepReceipt) {
	t.Helper()
	ctx := within(t, 30*time.Second)
	again, err := m.Client.Register(ctx, client.RegisterRequest{Name: "sleeper", Capabilities: []string{"sleep"}, Capacity: 9})
	if err != nil || again.ID != id {
		t.Fatalf("registered again: %+v, %v", again, err)
	}
	if _, err := m.Client.LeaveAgent(ctx, id); err != nil {
		t.Fatal(err)
	}
	task := submit(t, m, client.SubmitRequest{Capabilities: []string{"sleep"}, Deadline: soon(2 * time.Second)})
	if _, err := m.Client.Wait(ctx, task.ID); err != nil {
		t.Fatal(err)
	}
	a, err := m.Client.Agent(ctx, id, slept.Position)
	if err != nil || a.Status != "asleep" || a.Load != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	_, err = m.Client.SleepAgent(ctx, client.SleepRequest{ID: id, Checkpoint: "another"})
	wantCode(t, err, "agent_asleep")
	for filter, want := range map[string]bool{"": false, "kind:checkpoint": true} {
		found, err := m.Client.Search(ctx, client.SearchRequest{Query: "reconciling the ledger page 7", Mode: "words", Filter: filter, After: slept.Position})
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		for _, h := range found.Hits {
			seen = seen || h.ID == slept.Checkpoint.Memory
		}
		if seen != want {
			t.Errorf("searched with %q: found %t, want %t", filter, seen, want)
		}
	}
}

// A checkpoint that is gone or another one is not passed off as what was kept;
// the newer one supersedes.
func testCheckpoints(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	ctx := within(t, 60*time.Second)
	reg, err := m.Client.Register(ctx, client.RegisterRequest{Name: "forgetful", Capabilities: []string{"forgetful"}})
	if err != nil {
		t.Fatal(err)
	}
	nap := func(text string, meanwhile func(item string) error) (client.SleepReceipt, client.Awakening) {
		slept, err := m.Client.SleepAgent(ctx, client.SleepRequest{ID: reg.ID, Checkpoint: text})
		if err == nil && meanwhile != nil {
			err = meanwhile(slept.Checkpoint.Memory)
		}
		if err != nil {
			t.Fatal(err)
		}
		woken, err := m.Client.WakeAgent(ctx, client.WakeRequest{ID: reg.ID})
		if err != nil {
			t.Fatal(err)
		}
		return slept, woken
	}
	_, woken := nap("first state", func(item string) error {
		_, err := m.Client.Correct(ctx, item, client.MemoryRequest{Text: "tampered"})
		return err
	})
	if !strings.Contains(woken.CheckpointProblem, "changed") || woken.Text != "tampered" {
		t.Errorf("changed: %+v", woken)
	}
	second, woken := nap("second state", func(item string) error {
		_, err := m.Client.Forget(ctx, item, "asked for")
		return err
	})
	if !strings.Contains(woken.CheckpointProblem, "forgotten") || woken.Text != "" {
		t.Errorf("forgotten: %+v", woken)
	}
	third, woken := nap("second state", nil) // the same again is live again
	if woken.Text != "second state" || woken.CheckpointProblem != "" || third.Checkpoint != second.Checkpoint {
		t.Errorf("the same again: %+v", woken)
	}
	fourth, _ := nap("fourth state", nil)
	item, err := m.Client.Memory(ctx, third.Checkpoint.Memory, fourth.Position)
	if err != nil || item.Status != "superseded" || item.ReplacedBy != fourth.Checkpoint.Memory {
		t.Errorf("the former one: %+v, %v", item, err)
	}
	if _, woken := nap("", nil); woken.Text != "" || woken.Checkpoint.Memory != "" || woken.Memory != nil {
		t.Errorf("without a checkpoint: %+v", woken)
	}
	_, err = m.Client.SleepAgent(ctx, client.SleepRequest{ID: reg.ID, Checkpoint: strings.Repeat("x", 64<<10+1)})
	var p *client.Error
	if !errors.As(err, &p) || p.Field != "checkpoint" {
		t.Errorf("too long: %v", err)
	}
}

func soon(d time.Duration) *time.Time {
	at := time.Now().Add(d)
	return &at
}

func remember(t *testing.T, m *apitest.Mesh, r client.RememberRequest) string {
	t.Helper()
	got, err := m.Client.Remember(within(t, 20*time.Second), r)
	if err != nil {
		t.Fatal(err)
	}
	return got.ID
}
