package eventstore

import "context"

// RemovalOf returns what removes the object if it is still as it is now, and
// reports whether it did.
func (s *Store) RemovalOf(ctx context.Context, name string) (func() (bool, error), error) {
	e, err := s.artifactEntry(ctx, name)
	return func() (bool, error) { return s.removeArtifact(ctx, e) }, err
}

// MarkRemoved begins a removal and leaves it there.
func (s *Store) MarkRemoved(ctx context.Context, name string) error {
	e, err := s.artifactEntry(ctx, name)
	if err != nil {
		return err
	}
	e.info.Deleted = true
	_, err = s.writeEntry(ctx, e)
	return err
}
