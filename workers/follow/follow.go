// Package follow is the shape that workers share: each folds the events of one
// kind as they come, and beside that does what follows from them.
package follow

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/eventstore"
)

// batch is the most events that fold gets at a time.
const batch = 1_000

// Run hands the events of a kind to fold, from the beginning of the log on, and
// runs work beside it, until ctx ends: nil then, or the error that broke the
// tail, which ends work's context, too.
func Run(ctx context.Context, store *eventstore.Store, kind, name string, fold func([]eventstore.Record), work func(context.Context)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := store.Tail(ctx, 0, eventstore.TailOptions{Kind: kind, MaxBatch: batch, Name: name}, func(rs []eventstore.Record) error {
			fold(rs)
			return nil
		})
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("tail the %s events: %w", kind, err)
	})
	g.Go(func() error {
		work(ctx)
		return nil
	})
	return g.Wait()
}
