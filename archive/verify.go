package archive

import (
	"context"
	"errors"
)

// Report is what a look at every byte of a log's archive found.
type Report struct {
	Log       string
	Intact    uint64 // the log can be restored up to this sequence
	Segments  int
	Events    uint64
	Bytes     uint64 // of events
	Artifacts int
	Keys      int           // files of keys
	Damage    []DamageError // none: all is as it was written
}

// Verify reads everything again: each segment against its seal, the seals
// against each other, each artifact and file of keys against its digest. It does not
// stop at the first damage; it fails only when it cannot go on. Progress, which may be nil, is called after
// each segment.
func (l *Log) Verify(ctx context.Context, progress func(Seal)) (Report, error) {
	r := Report{Log: l.id}
	for part, err := range l.Segments(ctx, l.Seals) {
		s := part.Seal
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			r.Damage = append(r.Damage, *damage)
		case err != nil:
			return r, err
		case len(r.Damage) == 0:
			r.Intact = s.Last
		}
		r.Segments, r.Events, r.Bytes = r.Segments+1, r.Events+s.Events, r.Bytes+s.Bytes
		if progress != nil {
			progress(s)
		}
	}
	if l.Damage != nil {
		r.Damage = append(r.Damage, *l.Damage)
	}
	files, err := l.keyFiles(ctx)
	if err != nil {
		return r, err
	}
	for _, name := range files {
		_, err := l.readKeys(ctx, name)
		var damage *DamageError
		if errors.As(err, &damage) {
			r.Damage = append(r.Damage, *damage)
		} else if err != nil {
			return r, err
		}
		r.Keys++
	}
	err = Artifacts(ctx, l.target, func(_ Artifact, damage *DamageError) error {
		r.Artifacts++
		if damage != nil {
			r.Damage = append(r.Damage, *damage)
		}
		return nil
	})
	return r, err
}
