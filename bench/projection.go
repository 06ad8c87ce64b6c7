package bench

import "context"

func projection(ctx context.Context, o Options) error { return nil }
