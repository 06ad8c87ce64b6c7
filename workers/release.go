package workers

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// watch puts a token into released whenever the entry is deleted, until ctx
// ends. Where the bucket cannot be watched it tries again after a TTL.
func (l *leadership) watch(ctx context.Context, released chan<- struct{}) {
	again := time.NewTicker(l.ttl)
	defer again.Stop()
	for {
		l.watchOnce(ctx, released)
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

// watchOnce watches until ctx ends or the watcher does. It begins with the entry
// as it is, so that a deletion just before is not missed.
func (l *leadership) watchOnce(ctx context.Context, released chan<- struct{}) {
	watcher, err := l.kv.Watch(ctx, leaseKey, jetstream.MetaOnly())
	if err != nil {
		return
	}
	defer func() { _ = watcher.Stop() }() // fails only when the connection is closed
	for {
		select {
		case entry, open := <-watcher.Updates():
			if !open {
				return
			}
			if entry != nil && entry.Operation() != jetstream.KeyValuePut {
				select {
				case released <- struct{}{}:
				default:
				}
			}
		case <-ctx.Done():
			return
		}
	}
}
