package api_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// testMemoryEvents: the events of memory are nowhere for who reads events but
// may not recall everything, and are everywhere for who may.
func testMemoryEvents(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	makeTenant(t, m, "leak-events")
	_, admin := as(t, m, "leak-events", "admin", identity.RoleTenantAdmin)
	_, viewer := as(t, m, "leak-events", "viewer", identity.RoleViewer)
	_, auditor := as(t, m, "leak-events", "auditor", identity.RoleAuditor)
	var kept []string
	for _, text := range []string{"the lantern of the harbour", "the saddle of the mule"} {
		got, err := admin.Remember(t.Context(), client.RememberRequest{Text: text, Scope: "team:red"})
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, got.ID)
	}
	end, err := admin.Publish(t.Context(), client.CloudEvent{ID: "end", Source: "/leak", Type: "com.example.end"})
	if err != nil {
		t.Fatal(err)
	}
	after := end[0].Position
	page, err := auditor.Events(t.Context(), client.ListOptions{Filter: "kind:memory", Limit: 100, After: after})
	if err != nil {
		t.Fatal(err)
	}
	var seqs []uint64
	for _, e := range page.Items {
		if e.Type == "memory.remembered" {
			seqs = append(seqs, e.Seq)
		}
	}
	if len(seqs) != len(kept) {
		t.Fatalf("who recalls everything has %d of %d items in the list of events", len(seqs), len(kept))
	}
	eventsListed(t, viewer, auditor, kept, after)
	for _, seq := range seqs {
		e, err := auditor.Event(t.Context(), seq)
		if err != nil || e.Kind != "memory" || !slices.Contains(kept, e.Entity) || len(e.Data) == 0 {
			t.Errorf("event %d of who recalls everything: %+v, %v", seq, e, err)
		}
		_, err = viewer.Event(t.Context(), seq)
		wantCode(t, err, "event_not_found")
	}
	if !slices.ContainsFunc(followed(t, auditor), ofMemory) {
		t.Error("the feed of who recalls everything has no event of memory")
	}
	if i := slices.IndexFunc(followed(t, viewer), ofMemory); i >= 0 {
		t.Error("the feed of who may not recall everything has an event of memory")
	}
}

// eventsListed asks the list of events in every way that could name memory.
func eventsListed(t *testing.T, viewer, auditor *client.Client, kept []string, after string) {
	t.Helper()
	for _, filter := range []string{"", "kind:memory", "kind:memory,ext", "type:memory.remembered", "entity:" + kept[0], "entity:" + kept[1]} {
		seen, err := viewer.Events(t.Context(), client.ListOptions{Filter: filter, Limit: 100, After: after})
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		if slices.ContainsFunc(seen.Items, ofMemory) {
			t.Errorf("%q lists events of memory to who may not recall everything", filter)
		}
		if named := filter == "" || filter == "kind:memory,ext"; named != (len(seen.Items) > 0) {
			t.Errorf("%q lists %d events to who reads events", filter, len(seen.Items))
		}
		all, err := auditor.Events(t.Context(), client.ListOptions{Filter: filter, Limit: 100, After: after})
		if err != nil || !slices.ContainsFunc(all.Items, ofMemory) {
			t.Errorf("%q lists no event of memory to who recalls everything: %v", filter, err)
		}
	}
}

// followed are the events of a feed from the start up to the one that ends.
func followed(t *testing.T, c *client.Client) []client.Event {
	t.Helper()
	var got []client.Event
	err := c.Subscribe(within(t, 20*time.Second), client.SubscribeOptions{After: client.FromStart}, func(e client.Event) error {
		if got = append(got, e); e.Type == "com.example.end" {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("the feed ends after %d events: %v", len(got), err)
	}
	return got
}

func ofMemory(e client.Event) bool { return e.Kind == "memory" }
