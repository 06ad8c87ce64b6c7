package memory

import "time"

// How an item fades that nobody uses.
const (
	faded    = 0.8 // of its importance are left, each time
	faintest = 0.1
)

// Summarisable reports whether a summary may take the item's place: an episode
// that nobody has corrected, restored or found helpful, and that does not end
// by itself.
func (i Item) Summarisable() bool {
	return i.Status == StatusLive && i.Kind == KindEpisode && i.Text != "" && i.Helpful <= 0 && i.UpdatedAt.Equal(i.RememberedAt) && i.ExpiresAt.IsZero()
}

// Summarise puts the summary by in the item's place. It fails with ErrNotFound,
// with ErrKept when the item is not Summarisable (any more), and with an Invalid
// error when by is no id of another item.
func (i Item) Summarise(by string) ([]Event, error) {
	if i.Exists() && !i.Summarisable() {
		return nil, ErrKept
	}
	return i.Supersede(by, "summarised")
}

// Fade lowers the importance of an item that nobody has used or touched since a
// time. To fade is a touch: the next is as much later.
// What was used, and what is not live, stays as it is. It fails with ErrNotFound.
func (i Item) Fade(unusedSince time.Time) ([]Event, error) {
	switch {
	case !i.Exists():
		return nil, ErrNotFound
	case i.Status != StatusLive, i.Helpful > 0, i.Importance <= faintest, i.UsedAt.After(unusedSince), i.UpdatedAt.After(unusedSince):
		return nil, nil
	}
	importance := max(faintest, faded*i.Importance)
	return i.Correct(Correction{Importance: &importance, Reason: "unused since " + unusedSince.UTC().Format(time.DateOnly)})
}
