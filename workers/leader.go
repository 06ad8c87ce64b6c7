package workers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

const (
	leaseBucket = "LEASES"
	leaseKey    = "coordinator"
	leaseTTL    = 3 * time.Second
	renewals    = 4 // within a TTL
)

// CreateLeases makes the bucket in which nodes agree who leads, or finds it.
// Entries live for three seconds. Any error is that of the server.
func CreateLeases(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.KeyValue, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: leaseBucket, Description: "who coordinates", TTL: leaseTTL, History: 1,
		Storage: jetstream.FileStorage, Replicas: replicas,
	})
	if err != nil {
		return nil, fmt.Errorf("make bucket %s: %w", leaseBucket, err)
	}
	return kv, nil
}

// lease is who leads, as last seen.
type lease struct {
	held  bool      // by this node
	term  uint64    // revision at which it was acquired; later leaders have higher ones
	node  string    // empty = nobody
	sent  time.Time // when the last successful renewal was sent, by the machine's clock
	asked time.Time // the same by Config.Now
	until time.Time // safe to act before this, by the machine's clock
	end   uint64    // of the log, read after the acquisition
	late  bool      // the last renewal came so late that the connection must have been down
}

// holds reports whether the lease permits effects now. Both the monotonic and
// the wall clock must agree, since the former stands still while a machine
// sleeps.
func (l lease) holds(now time.Time) bool {
	return l.held && now.Before(l.until) && now.Round(0).Before(l.until.Round(0))
}

// leadership acquires, renews and gives back the lease.
type leadership struct {
	kv  jetstream.KeyValue
	me  claim
	ttl time.Duration
	now func() time.Time
	end func(context.Context) (uint64, error) // of the log

	ready <-chan struct{} // closed when this node could act; it does not try to lead before
	out   chan<- lease
	log   zerolog.Logger
	rev   uint64 // of our entry; 0 = none
	seen  lease
}

// run keeps trying to lead until ctx ends, then lets the next one lead at
// once. It looks at the entry at every tick, and as soon as its holder deletes
// it. An entry that runs out is not announced, and an announcement may be lost:
// then the tick finds it.
func (l *leadership) run(ctx context.Context) {
	tick := time.NewTicker(l.ttl / renewals)
	defer tick.Stop()
	ready := l.ready
	released := make(chan struct{}, 1)
	var watching sync.WaitGroup
	watching.Go(func() { l.watch(ctx, released) })
	defer watching.Wait()
	for {
		l.step(ctx)
		select {
		case l.out <- l.seen:
		case <-ctx.Done():
		}
		select {
		case <-tick.C:
		case <-released:
		case <-ready:
			ready = nil // once
		case <-ctx.Done():
			l.resign(context.WithoutCancel(ctx))
			return
		}
	}
}

func (l *leadership) step(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.ttl/2)
	defer cancel()
	if l.rev == 0 {
		l.acquire(ctx)
	} else {
		l.renew(ctx)
	}
	if l.rev > 0 && l.seen.end == 0 {
		end, err := l.end(ctx)
		if err != nil {
			return
		}
		l.seen.end = end
	}
	l.seen.held = l.rev > 0
}

// acquire looks who leads and, if nobody does, tries to. The entry may be
// read from a replica that is behind; creating it is decided by the leader of
// the bucket.
func (l *leadership) acquire(ctx context.Context) {
	l.seen.held = false
	entry, err := l.kv.Get(ctx, leaseKey)
	if err == nil {
		c := claimOf(entry)
		l.seen.node, l.seen.term = c.Node, c.Term
		return
	}
	l.seen.node = ""
	if !errors.Is(err, jetstream.ErrKeyNotFound) || !l.isReady() {
		return
	}
	sent, asked := time.Now(), l.now()
	rev, err := l.kv.Create(ctx, leaseKey, l.value())
	if err != nil {
		return
	}
	l.rev, l.me.Term = rev, rev
	l.seen = lease{term: rev, node: l.me.Node}
	l.renewed(sent, asked)
	l.log.Info().Uint64("term", rev).Msg("this node coordinates")
}

func (l *leadership) isReady() bool {
	select {
	case <-l.ready:
		return true
	default:
		return false
	}
}

// renew extends the lease by a conditional write, which only the leader of
// the bucket can accept: it proves that nobody else has led since.
func (l *leadership) renew(ctx context.Context) {
	sent, asked := time.Now(), l.now()
	rev, err := l.kv.Update(ctx, leaseKey, l.value(), l.rev)
	if err == nil {
		l.rev = rev
		l.renewed(sent, asked)
		return
	}
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		entry, err := l.kv.Get(ctx, leaseKey)
		if err == nil && entry.Revision() > l.rev && claimOf(entry) == l.me {
			l.rev = entry.Revision() // an earlier renewal whose answer was lost
			return
		}
		l.lost("another node coordinates, or the lease ran out")
		return
	}
	if !l.seen.holds(time.Now()) {
		l.lost("the lease could not be renewed in time")
	}
}

func (l *leadership) renewed(sent, asked time.Time) {
	l.seen.late = sent.Sub(l.seen.sent) > 2*l.ttl/renewals
	l.seen.sent, l.seen.asked = sent, asked
	l.seen.until = sent.Add(l.ttl - l.ttl/5) // the rest is for clocks that drift apart
}

func (l *leadership) lost(why string) {
	l.log.Warn().Uint64("term", l.me.Term).Msg("this node no longer coordinates: " + why)
	l.rev, l.me.Term = 0, 0
	l.seen.held, l.seen.node = false, ""
}

// resign deletes the entry, if it is still ours.
func (l *leadership) resign(ctx context.Context) {
	if l.rev == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, l.ttl/2)
	defer cancel()
	if err := l.kv.Delete(ctx, leaseKey, jetstream.LastRevision(l.rev)); err != nil {
		l.log.Warn().Err(err).Msg("the lease could not be given back; it runs out by itself")
	}
}
