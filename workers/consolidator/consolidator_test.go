package consolidator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/memory/summarise"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary is an agent that keeps episodes, each as the agent itself.
type diary struct {
	*apitest.Mesh
	id string
	as *client.Client
}

func openDiary(t *testing.T, cfg apitest.Config) *diary {
	t.Helper()
	m := apitest.Start(t, cfg)
	root := domain.Actor{ID: m.Root, Kind: domain.Service, Tenant: domain.DefaultTenant}
	made, err := m.Commands.CreatePrincipal(t.Context(), root, commands.Meta{}, commands.NewPrincipal{Kind: domain.Agent, Name: "diarist", Owner: m.Root})
	must(t, err)
	key, id, verifier := auth.NewAPIKey()
	_, err = m.Commands.SetCredential(t.Context(), root, commands.Meta{}, made.ID, identity.Credential{ID: id, Type: identity.CredentialAPIKey, Verifier: verifier})
	must(t, err)
	_, err = m.Commands.GrantRole(t.Context(), root, commands.Meta{}, identity.Grant{Principal: made.ID, Role: "agent"}, time.Time{})
	must(t, err)
	d := &diary{Mesh: m, id: made.ID, as: m.NewClient(t, key)}
	reg, err := d.as.Register(t.Context(), client.RegisterRequest{Name: "diarist", Capabilities: []string{"write"}})
	must(t, err)
	if reg.ID != made.ID {
		t.Fatalf("the agent is %s, its principal %s", reg.ID, made.ID)
	}
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keep remembers items number from to before end in the agent's own scope, one
// after the other.
func (d *diary) keep(t *testing.T, kind string, from, end int) {
	t.Helper()
	for i := from; i < end; i++ {
		text := fmt.Sprintf("Deployment number %d of the billing service went through after the registry had answered. Nothing else happened on day %d.", i, i)
		_, err := d.as.Remember(t.Context(), client.RememberRequest{Kind: kind, Text: text, Scope: "agent:" + d.id})
		must(t, err)
	}
}

func (d *diary) sleep(t *testing.T) {
	t.Helper()
	_, err := d.Client.SleepAgent(t.Context(), client.SleepRequest{ID: d.id})
	must(t, err)
}

func (d *diary) wake(t *testing.T) {
	t.Helper()
	_, err := d.Client.WakeAgent(t.Context(), client.WakeRequest{ID: d.id})
	must(t, err)
}

// items lists what is remembered, the latest first.
func (d *diary) items(t *testing.T, filter string) []client.Memory {
	t.Helper()
	page, err := d.Client.Memories(t.Context(), client.ListOptions{Filter: filter, Limit: 1000})
	must(t, err)
	return page.Items
}

// The oldest episodes of an agent that sleeps become a summary, and the latest
// stay; a summary says what it is of, and each item what took its place. One
// that is restored stays from then on.
func TestSleepSummarises(t *testing.T) {
	t.Parallel()
	d := openDiary(t, apitest.Config{})
	d.keep(t, "episode", 0, 90)
	d.keep(t, "decision", 0, 1)
	d.sleep(t)
	apitest.Eventually(t, func() bool { return len(d.items(t, "kind:episode status:live")) == 20 })
	sums := d.items(t, "kind:summary")
	if len(sums) != 2 || sums[1].SummaryOf.Items != 50 || sums[0].SummaryOf.Items != 20 {
		t.Fatalf("summaries: %+v", sums)
	}
	for _, s := range sums {
		if s.SummaryOf.By != "extractive" || len(s.Text) == 0 || len(s.Text)*4 > s.SummaryOf.Bytes || s.Scope != "agent:"+d.id || !strings.Contains(s.Text, "billing service") {
			t.Errorf("summary: %+v: %s", s, s.Text)
		}
		if of := d.items(t, "kind:episode status:superseded"); len(of) != 70 {
			t.Errorf("%d episodes superseded", len(of))
		}
	}
	if left := d.items(t, "kind:decision status:live"); len(left) != 1 {
		t.Errorf("%d decisions left", len(left))
	}
	oldest := d.items(t, "kind:episode status:superseded")
	back := oldest[len(oldest)-1]
	if back.ReplacedBy != sums[1].ID {
		t.Errorf("the oldest was replaced by %s", back.ReplacedBy)
	}
	_, err := d.Client.Restore(t.Context(), back.ID, "still wanted")
	must(t, err)
	d.wake(t)
	d.keep(t, "episode", 90, 100)
	d.sleep(t)
	apitest.Eventually(t, func() bool { return len(d.items(t, "kind:summary")) == 3 })
	live := d.items(t, "kind:episode status:live")
	if len(live) != 21 || live[20].ID != back.ID {
		t.Errorf("%d episodes live, the oldest %+v", len(live), live[len(live)-1])
	}
}

// sickly is a summariser that fails until it is healed.
type sickly struct {
	summarise.Extractive
	healed atomic.Bool
	asked  atomic.Int32
}

func (s *sickly) Summarise(ctx context.Context, texts []string, size int) (string, error) {
	s.asked.Add(1)
	if !s.healed.Load() {
		return "", errors.New("no answer")
	}
	return s.Extractive.Summarise(ctx, texts, size)
}

// While the summariser fails nothing changes; when it works again, it goes on.
func TestSummariserFails(t *testing.T) {
	t.Parallel()
	s := &sickly{}
	d := openDiary(t, apitest.Config{Summariser: s})
	d.keep(t, "episode", 0, 30)
	d.sleep(t)
	apitest.Eventually(t, func() bool { return s.asked.Load() >= 2 })
	if live := d.items(t, "kind:episode status:live"); len(live) != 30 || len(d.items(t, "kind:summary")) != 0 {
		t.Errorf("%d episodes live", len(live))
	}
	s.healed.Store(true)
	apitest.Eventually(t, func() bool { return len(d.items(t, "kind:episode status:live")) == 20 })
}

// What nobody has used for a month matters less, once a month, and never
// nothing; what was of help does not fade.
func TestUnusedFades(t *testing.T) {
	t.Parallel()
	d := openDiary(t, apitest.Config{Clock: func() time.Time { return time.Now().Add(40 * 24 * time.Hour) }})
	for _, text := range []string{"The registry listens on port 5000.", "Invoices are written in euro."} {
		_, err := d.as.Remember(t.Context(), client.RememberRequest{Kind: "fact", Text: text, Scope: "agent:" + d.id})
		must(t, err)
	}
	facts := d.items(t, "kind:fact")
	helped, other := facts[1], facts[0]
	_, err := d.Client.Reinforce(t.Context(), helped.ID, "helpful", "")
	must(t, err)
	d.sleep(t)
	apitest.Eventually(t, func() bool {
		m, err := d.Client.Memory(t.Context(), other.ID, "")
		return err == nil && m.Importance == 0.4
	})
	if m, err := d.Client.Memory(t.Context(), helped.ID, ""); err != nil || m.Importance != 0.5 {
		t.Errorf("what helped has importance %v, %v", m.Importance, err)
	}
}
