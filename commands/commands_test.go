package commands_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/external"
	"github.com/hivemesh/hivemesh/domain/identity/identitytest"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setup returns a service on a log of its own, and the log.
func setup(t *testing.T) (*commands.Service, *eventstore.Store) {
	t.Helper()
	return setupWith(t, commands.Config{})
}

// setupWith is setup with settings of the test's.
func setupWith(t *testing.T, cfg commands.Config) (*commands.Service, *eventstore.Store) {
	t.Helper()
	nc, err := embeddedtest.NATS(t).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store, err := eventstore.Open(t.Context(), nc, eventstore.Config{Stream: "EVENTS", Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(context.Background()); err != nil {
			t.Error(err)
		}
		nc.Close()
	})
	cfg.Directory = identitytest.Super("admin")
	cfg.Store, cfg.Secret, cfg.Log = store, []byte("secret of the test"), zerolog.Nop()
	return commands.New(cfg), store
}

func admin() domain.Actor {
	return identitytest.Actor("admin", domain.DefaultTenant)
}

func input(s string) task.Spec { return task.Spec{Input: domain.Payload{Inline: json.RawMessage(s)}} }

// wantKind fails unless err has the kind and, if given, the code.
func wantKind(t *testing.T, err error, kind domain.Kind, code string) {
	t.Helper()
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != kind || (code != "" && e.Code != code) {
		t.Fatalf("got error %v (%+v), want kind %v code %q", err, e, kind, code)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// assign gives a task to an agent, as a worker would.
func assign(t *testing.T, s *commands.Service, store *eventstore.Store, id, agentID string) {
	t.Helper()
	st := eventstore.Loaded[task.Task]{State: task.Task{ID: id}}
	history := must[[]eventstore.Record](t)(store.History(t.Context(), eventstore.Entity{Tenant: "default", Kind: "task", ID: id}, 0))
	for _, r := range history {
		st.State = must[task.Task](t)(commands.FoldTask(st.State, r))
		st.Seq = r.Seq
	}
	done := make(chan error, 1)
	s.AssignTask("default", st, agentID, func(_ eventstore.Receipt, err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestSubmitWithKeyMeetsTheFirstSubmission(t *testing.T) {
	t.Parallel()
	s, store := setup(t)
	meta := commands.Meta{Key: "order-1"}
	first := must[commands.Result](t)(s.SubmitTask(t.Context(), admin(), meta, input(`{"a": 1}`)))
	again := must[commands.Result](t)(s.SubmitTask(t.Context(), admin(), meta, input(`{"a":1}`)))
	if again.ID != first.ID || !again.Repeat || again.Seq != first.Seq {
		t.Errorf("the retry got %+v, the first %+v", again, first)
	}
	_, err := s.SubmitTask(t.Context(), admin(), meta, input(`{"a":2}`))
	wantKind(t, err, domain.Conflict, "key_reused")
	if last := must[uint64](t)(store.LastSeq(t.Context())); last != first.Seq {
		t.Errorf("the log ends at %d, want %d: a repeat appended something", last, first.Seq)
	}
}

func TestSubmitWithKeyByManyAtOnceMakesOneTask(t *testing.T) {
	t.Parallel()
	s, store := setup(t)
	ids := make([]string, 20)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			res, err := s.SubmitTask(t.Context(), admin(), commands.Meta{Key: "same"}, input(`1`))
			if err != nil {
				t.Error(err)
			}
			ids[i] = res.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("got tasks %s and %s for one key", id, ids[0])
		}
	}
	if last := must[uint64](t)(store.LastSeq(t.Context())); last != 1 {
		t.Errorf("the log holds %d events, want 1", last)
	}
}

func TestRetryOfASubmissionWhoseDeadlineHasPassedGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s, _ := setupWith(t, commands.Config{Now: func() time.Time { return now }})
	spec := input(`1`)
	spec.Deadline = now.Add(time.Minute)
	first := must[commands.Result](t)(s.SubmitTask(t.Context(), admin(), commands.Meta{Key: "k"}, spec))
	now = spec.Deadline.Add(time.Second)
	again := must[commands.Result](t)(s.SubmitTask(t.Context(), admin(), commands.Meta{Key: "k"}, spec))
	if again.ID != first.ID || !again.Repeat {
		t.Errorf("got %+v, want a repeat of %+v", again, first)
	}
	_, err := s.SubmitTask(t.Context(), admin(), commands.Meta{Key: "other"}, spec)
	wantKind(t, err, domain.Invalid, "invalid_field")
}

func TestBatchItemsStandForThemselves(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	bad := input(`1`)
	bad.Priority = -1
	items := []commands.Submission{{Spec: input(`1`)}, {Spec: bad}, {Meta: commands.Meta{Key: "k"}, Spec: input(`2`)}, {Meta: commands.Meta{Key: "k"}, Spec: input(`2`)}}
	results := s.SubmitTasks(t.Context(), admin(), items)
	wantKind(t, results[1].Err, domain.Invalid, "invalid_field")
	for _, i := range []int{0, 2, 3} {
		if results[i].Err != nil {
			t.Errorf("item %d: %v", i, results[i].Err)
		}
	}
	if results[2].ID != results[3].ID || results[2].Repeat == results[3].Repeat {
		t.Errorf("two items with one key got %+v and %+v", results[2], results[3])
	}
}

func TestLargePayloadsGoToTheArtifacts(t *testing.T) {
	t.Parallel()
	s, store := setup(t)
	large := json.RawMessage(`"` + strings.Repeat("x", commands.MaxInline) + `"`)
	res := must[commands.Result](t)(s.SubmitTask(t.Context(), admin(), commands.Meta{}, task.Spec{Input: domain.Payload{Inline: large}}))
	record := must[eventstore.Record](t)(store.Get(t.Context(), res.Seq))
	st := must[task.Task](t)(commands.FoldTask(task.Task{}, record))
	if st.Spec.Input.Artifact == nil || st.Spec.Input.Inline != nil {
		t.Fatalf("the input stands in the event (%d bytes)", len(record.Data))
	}
	got := must[[]byte](t)(store.GetArtifact(t.Context(), "default", st.Spec.Input.Artifact.Digest))
	if !bytes.Equal(got, large) {
		t.Error("the artifact is not what was submitted")
	}
	_, err := s.SubmitTask(t.Context(), admin(), commands.Meta{}, task.Spec{Input: domain.Payload{Inline: make(json.RawMessage, commands.MaxPayload+1)}})
	wantKind(t, err, domain.TooLarge, "too_large")
	_, err = s.SubmitTask(t.Context(), admin(), commands.Meta{}, input(`{"a":`))
	wantKind(t, err, domain.Invalid, "invalid_field")
}

func TestReportsAreFenced(t *testing.T) {
	t.Parallel()
	s, store := setup(t)
	res := must[commands.Result](t)(s.SubmitTask(t.Context(), admin(), commands.Meta{}, input(`1`)))
	assign(t, s, store, res.ID, "agent-1")
	ref := commands.AttemptRef{Task: res.ID, Attempt: 1, Agent: "agent-1"}
	must[commands.Result](t)(s.StartTask(t.Context(), admin(), commands.Meta{}, ref))
	_, err := s.CompleteTask(t.Context(), admin(), commands.Meta{}, commands.AttemptRef{Task: res.ID, Attempt: 1, Agent: "agent-2"}, commands.Completion{})
	wantKind(t, err, domain.Denied, "wrong_agent")
	_, err = s.CompleteTask(t.Context(), admin(), commands.Meta{}, commands.AttemptRef{Task: res.ID, Attempt: 2, Agent: "agent-1"}, commands.Completion{})
	wantKind(t, err, domain.Conflict, "old_attempt")
	must[commands.Result](t)(s.CompleteTask(t.Context(), admin(), commands.Meta{ID: "c1"}, ref, commands.Completion{}))
	repeat := must[commands.Result](t)(s.CompleteTask(t.Context(), admin(), commands.Meta{ID: "c1"}, ref, commands.Completion{}))
	if !repeat.Repeat {
		t.Error("the same command again is not called a repeat")
	}
	_, err = s.CompleteTask(t.Context(), admin(), commands.Meta{ID: "c2"}, ref, commands.Completion{})
	wantKind(t, err, domain.Conflict, "task_finished")
	_, err = s.CancelTask(t.Context(), admin(), commands.Meta{}, res.ID, "")
	wantKind(t, err, domain.Conflict, "task_finished")
}

func TestAgentNamesAreUnique(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	ids := make([]string, 10)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			res, err := s.RegisterAgent(t.Context(), admin(), commands.Meta{}, agent.Spec{Name: "one", Capacity: 2})
			if err != nil {
				t.Error(err)
			}
			ids[i] = res.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("agents %s and %s have one name", id, ids[0])
		}
	}
	other := must[commands.Result](t)(s.RegisterAgent(t.Context(), admin(), commands.Meta{}, agent.Spec{Name: "two"}))
	if other.ID == ids[0] {
		t.Error("two names, one agent")
	}
}

func TestRegistrationKeepsTheNameOutOfTheReservation(t *testing.T) {
	t.Parallel()
	s, store := setup(t)
	must[commands.Result](t)(s.RegisterAgent(t.Context(), admin(), commands.Meta{}, agent.Spec{Name: "secret-name"}))
	first := must[eventstore.Record](t)(store.Get(t.Context(), 1))
	if first.Entity.Kind != "name" || bytes.Contains(first.Data, []byte("secret-name")) || first.Entity.ID == "secret-name" {
		t.Errorf("the reservation tells the name: %+v %s", first.Entity, first.Data)
	}
}

func TestFactsAreAppendedOnce(t *testing.T) {
	t.Parallel()
	s, store := setup(t)
	fact := commands.ExternalEvent{ID: "1", Source: "/orders", Type: "order.placed", Data: json.RawMessage(`{"n":1}`)}
	other := fact
	other.Data = json.RawMessage(`{"n":2}`)
	results := s.PublishEvents(t.Context(), admin(), commands.Meta{}, []commands.ExternalEvent{fact, {ID: "2", Type: "x"}})
	if results[0].Err != nil {
		t.Fatal(results[0].Err)
	}
	wantKind(t, results[1].Err, domain.Invalid, "invalid_field")
	again := s.PublishEvents(t.Context(), admin(), commands.Meta{}, []commands.ExternalEvent{fact})[0]
	if again.Err != nil || again.ID != results[0].ID || !again.Repeat {
		t.Errorf("the same fact again: %+v", again)
	}
	wantKind(t, s.PublishEvents(t.Context(), admin(), commands.Meta{}, []commands.ExternalEvent{other})[0].Err, domain.Conflict, external.ErrIDReused.Code)
	record := must[eventstore.Record](t)(store.Get(t.Context(), results[0].Seq))
	if record.Type != "order.placed" || record.Source != "/orders" || record.Entity.Kind != "ext" {
		t.Errorf("stored as %+v", record)
	}
}

func TestWhatIsNotGrantedIsDenied(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	by := domain.Actor{Tenant: "default", ID: "a", Kind: domain.Agent}
	_, err := s.SubmitTask(t.Context(), by, commands.Meta{}, input(`1`))
	wantKind(t, err, domain.Denied, "denied")
	for _, r := range s.SubmitTasks(t.Context(), by, []commands.Submission{{Spec: input(`1`)}}) {
		wantKind(t, r.Err, domain.Denied, "denied")
	}
	_, err = s.SubmitTask(t.Context(), domain.Actor{}, commands.Meta{}, input(`1`))
	wantKind(t, err, domain.Unauthenticated, "")
	for _, r := range s.PublishEvents(t.Context(), by, commands.Meta{}, []commands.ExternalEvent{{ID: "1", Source: "s", Type: "t"}}) {
		wantKind(t, r.Err, domain.Denied, "denied")
	}
}

func TestBadInputNamesTheField(t *testing.T) {
	t.Parallel()
	s, store := setup(t)
	tests := map[string]func() error{
		"task": func() error {
			_, err := s.CancelTask(t.Context(), admin(), commands.Meta{}, "nonsense", "")
			return err
		},
		"reason": func() error {
			_, err := s.CancelTask(t.Context(), admin(), commands.Meta{}, known(t, s), strings.Repeat("x", 5000))
			return err
		},
		"command": func() error {
			_, err := s.SubmitTask(t.Context(), admin(), commands.Meta{ID: "two words"}, input(`1`))
			return err
		},
		"key": func() error {
			_, err := s.SubmitTask(t.Context(), admin(), commands.Meta{Key: strings.Repeat("k", 300)}, input(`1`))
			return err
		},
		"name": func() error {
			_, err := s.RegisterAgent(t.Context(), admin(), commands.Meta{}, agent.Spec{Name: "no spaces"})
			return err
		},
		"capabilities": func() error {
			_, err := s.SubmitTask(t.Context(), admin(), commands.Meta{}, task.Spec{Capabilities: []string{""}})
			return err
		},
	}
	for field, do := range tests {
		var e *domain.Error
		if err := do(); !errors.As(err, &e) || e.Kind != domain.Invalid || e.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	if last := must[uint64](t)(store.LastSeq(t.Context())); last != 1 { // the one task of "reason"
		t.Errorf("the log holds %d events, want 1", last)
	}
}

func known(t *testing.T, s *commands.Service) string {
	t.Helper()
	return must[commands.Result](t)(s.SubmitTask(t.Context(), admin(), commands.Meta{}, input(`1`))).ID
}

func TestUnknownTaskIsNotFound(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	_, err := s.CancelTask(t.Context(), admin(), commands.Meta{}, "00000000-0000-4000-8000-000000000000", "")
	wantKind(t, err, domain.NotFound, "task_not_found")
}

func TestManyCommandsOnOneTaskLoseNoUpdate(t *testing.T) {
	t.Parallel()
	s, store := setup(t)
	id := known(t, s)
	assign(t, s, store, id, "a")
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			_, err := s.ProgressTask(t.Context(), admin(), commands.Meta{}, commands.AttemptRef{Task: id, Attempt: 1, Agent: "a"}, i, fmt.Sprint(i))
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	history := must[[]eventstore.Record](t)(store.History(t.Context(), eventstore.Entity{Tenant: "default", Kind: "task", ID: id}, 0))
	if len(history) != 52 {
		t.Errorf("the task has %d events, want 52", len(history))
	}
}

func TestCommandsAreRefusedBeforeTheDiskIsFull(t *testing.T) {
	t.Parallel()
	s, store := setupWith(t, commands.Config{Room: func() error { return errors.New("3 MiB left") }})
	_, err := s.SubmitTask(t.Context(), admin(), commands.Meta{}, input(`1`))
	wantKind(t, err, domain.Unavailable, "log_full")
	for _, r := range s.SubmitTasks(t.Context(), admin(), []commands.Submission{{Spec: input(`1`)}}) {
		wantKind(t, r.Err, domain.Unavailable, "log_full")
	}
	if last := must[uint64](t)(store.LastSeq(t.Context())); last != 0 {
		t.Errorf("the log holds %d events", last)
	}
}
