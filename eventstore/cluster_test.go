package eventstore_test

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/eventstore/internal/natstest"
)

// startCluster runs three servers that keep three copies of each stream.
func startCluster(t *testing.T) []*server.Server {
	t.Helper()
	const n = 3
	var routes []*url.URL
	ports := make([]int, n)
	for i := range n {
		ports[i] = natstest.FreePort(t)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", ports[i])})
	}
	servers := make([]*server.Server, n)
	for i := range n {
		o := natstest.Options(t.TempDir())
		o.ServerName = fmt.Sprint("n", i)
		o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}
		o.Routes = routes
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { natstest.Stop(s) })
		servers[i] = s
	}
	natstest.Eventually(t, "the cluster has a leader and three peers", func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == n {
				return true
			}
		}
		return false
	})
	return servers
}

// shared lets a cache on each node, fed by a tail, count one account up.
func shared(t *testing.T, stores ...*eventstore.Store) {
	t.Helper()
	const each = 25
	e := newEntity()
	ctx, cancel := context.WithCancel(t.Context())
	var all, tails sync.WaitGroup
	for _, s := range stores {
		c := eventstore.NewCache(s, accounts, 10)
		tails.Go(func() {
			_ = s.Tail(ctx, 0, eventstore.TailOptions{}, func(rs []eventstore.Record) error { c.Observe(rs); return nil })
		})
		all.Go(func() {
			for range each {
				if _, _, err := c.Update(t.Context(), e, eventstore.Command{}, change(1)); err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	all.Wait()
	cancel()
	tails.Wait()
	got, err := eventstore.NewCache(stores[0], accounts, 1).Load(t.Context(), e)
	if err != nil || got.State.Sum != each*len(stores) {
		t.Errorf("counted to %+v, %v", got.State, err)
	}
}

// TestCluster runs the append contract on three replicas, then loses the
// stream's leader.
func TestCluster(t *testing.T) {
	t.Parallel()
	servers := startCluster(t)
	nc := natstest.Dial(t, servers[0].ClientURL())
	other := natstest.Dial(t, servers[1].ClientURL())
	var a, b *eventstore.Store
	a = open(t, nc, eventstore.Config{Stream: "EVENTS", Replicas: 3})
	b = open(t, other, eventstore.Config{Stream: "EVENTS", Replicas: 3})
	equal(t, b.Epoch(), a.Epoch())

	e := newEntity()
	var last uint64
	for i := range 40 { // two nodes in turn: conflicts, repeats, the truth
		s, rival := a, b
		if i%2 == 1 {
			s, rival = b, a
		}
		command := uuid.NewString()
		r, err := s.Append(t.Context(), one(e, last, command))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := rival.Append(t.Context(), one(e, last, command)); err != nil || !again.Repeat || again.Last() != r.Last() {
			t.Fatalf("repeat on the other node: %+v, %v", again, err)
		}
		if _, err := rival.Append(t.Context(), one(e, last, uuid.NewString())); !isConflict(err) {
			t.Fatalf("stale on the other node: %v", err)
		}
		last = r.Last()
	}
	race(t, []*eventstore.Store{a, b}, 60)
	shared(t, a, b)

	for _, s := range servers[1:] {
		if s.JetStreamIsStreamLeader("$G", "EVENTS") {
			natstest.Stop(s)
			break
		}
	}
	got, entities := submit(a, 100, 1)
	got.all.Wait()
	for i, err := range got.errs {
		if err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
		if r, err := a.Get(t.Context(), got.receipts[i].Last()); err != nil || r.Entity != entities[i] {
			t.Fatalf("get: %+v, %v", r, err)
		}
	}
	end, err := a.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, len(collect(t, a, 0, int(end))), int(end))
}
