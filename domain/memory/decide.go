package memory

import (
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// MaxReason is the longest text, in bytes, that says why.
const MaxReason = 1024

// Remember makes a new item. What the item says already counts as repeated,
// and one that is superseded, merged or forgotten is live again; both then
// last as long as the longer of the two wishes. It fails with an Invalid error
// that names the first field that is wrong, and with ErrDiffers when the item
// exists and its content is another one.
func (i Item) Remember(spec Spec, now time.Time) ([]Event, error) {
	spec = spec.WithDefaults()
	if err := spec.Validate(now); err != nil {
		return nil, err
	}
	hash := spec.Hash()
	switch {
	case !i.Exists():
		return []Event{Remembered{Spec: spec, Hash: hash}}, nil
	case hash != i.Hash:
		return nil, ErrDiffers
	case i.Status != StatusLive:
		return []Event{Restored{Reason: "remembered again", ExpiresAt: later(i.ExpiresAt, spec.ExpiresAt)}}, nil
	default:
		return []Event{Reinforced{Reason: ReasonRepeated, ExpiresAt: later(i.ExpiresAt, spec.ExpiresAt)}}, nil
	}
}

// Settle brings a chunk to where it stands in its document now: remembered,
// restored, or moved; nothing when it is there already. It fails as Remember
// does.
func (i Item) Settle(spec Spec, now time.Time) ([]Event, error) {
	spec = spec.WithDefaults()
	if err := spec.Validate(now); err != nil {
		return nil, err
	}
	if spec.Place == nil {
		return nil, domain.InvalidField("place", "a chunk needs its place in a document")
	}
	if !i.Exists() {
		return i.Remember(spec, now)
	}
	var events []Event
	if i.Status != StatusLive {
		events = append(events, Restored{Reason: "in the document again", ExpiresAt: spec.ExpiresAt})
	}
	if i.Place == nil || *i.Place != *spec.Place {
		events = append(events, Moved{Place: *spec.Place})
	}
	return events, nil
}

// later returns the later of two expiries; the zero time is never.
func later(a, b time.Time) time.Time {
	if a.IsZero() || b.IsZero() {
		return time.Time{}
	}
	if a.After(b) {
		return a
	}
	return b
}

// Repeat counts that the item by, a near-duplicate, says the same again. It
// fails with ErrNotFound, with ErrNotLive, and with an Invalid error when by is
// no id of another item.
func (i Item) Repeat(by string) ([]Event, error) {
	if err := i.live(); err != nil {
		return nil, err
	}
	if err := i.checkOther("by", by); err != nil {
		return nil, err
	}
	return []Event{Reinforced{Reason: ReasonRepeated, By: by, ExpiresAt: i.ExpiresAt}}, nil
}

// Reinforce counts that the item was used, helpful or unhelpful to a task;
// the task may be empty. It fails with ErrNotFound, with ErrNotLive, and with
// an Invalid error when the reason or the task is none.
func (i Item) Reinforce(reason Reason, task string) ([]Event, error) {
	if err := i.live(); err != nil {
		return nil, err
	}
	if !reason.known() {
		return nil, domain.InvalidField("reason", "%.64q is not repeated, used, helpful or unhelpful", string(reason))
	}
	if task != "" {
		if err := domain.CheckName("task", task); err != nil {
			return nil, err
		}
	}
	e := Reinforced{Reason: reason, Task: task}
	if reason == ReasonRepeated {
		e.ExpiresAt = i.ExpiresAt
	}
	return []Event{e}, nil
}

// Embed keeps a vector of the item's content. A vector of the same model and
// content again changes nothing. It fails with ErrNotFound; with ErrStale when
// the item is not live or the vector's hash is not the content's; and with an
// Invalid error when the model is no name, or the vector is not of 1 to
// MaxDimensions finite numbers, as many as are said, one of them not 0.
func (i Item) Embed(e Embedded) ([]Event, error) {
	if !i.Exists() {
		return nil, ErrNotFound
	}
	if i.Status != StatusLive || e.Hash != i.Hash {
		return nil, ErrStale
	}
	if err := domain.CheckModel("model", e.Model); err != nil {
		return nil, err
	}
	v, err := DecodeVector(e.Vector, e.Dimensions)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(v, func(x float32) bool { return x != 0 }) {
		return nil, domain.InvalidField("vector", "is all zero")
	}
	if e.Tokens < 0 {
		return nil, domain.InvalidField("tokens", "%d is below 0", e.Tokens)
	}
	if _, known := i.Embedded[e.Model]; known {
		return nil, nil
	}
	return []Event{e}, nil
}

// Supersede puts the item by in this one's place. Doing it again with the same
// item changes nothing. It fails with ErrNotFound, with ErrNotLive, and with
// an Invalid error when by is no id of another item or the reason is too long.
func (i Item) Supersede(by, reason string) ([]Event, error) {
	if i.Status == StatusSuperseded && i.ReplacedBy == by {
		return nil, nil
	}
	if err := i.live(); err != nil {
		return nil, err
	}
	if err := i.checkOther("by", by); err != nil {
		return nil, err
	}
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	return []Event{Superseded{By: by, Reason: reason}}, nil
}

// Merge lets the item into stand for this one, which is distance away: a
// cosine distance, 0 to 2. Doing it again with the same item changes nothing.
// It fails with ErrNotFound, with ErrNotLive, and with an Invalid error when
// into is no id of another item or the distance is none.
func (i Item) Merge(into string, distance float64) ([]Event, error) {
	if i.Status == StatusMerged && i.ReplacedBy == into {
		return nil, nil
	}
	if err := i.live(); err != nil {
		return nil, err
	}
	if err := i.checkOther("into", into); err != nil {
		return nil, err
	}
	if !(distance >= 0 && distance <= 2) { // false for NaN
		return nil, domain.InvalidField("distance", "%g is not between 0 and 2", distance)
	}
	return []Event{Merged{Into: into, Distance: distance}}, nil
}

// Forget takes the item out of every recall, also one that is superseded or
// merged. What is forgotten stays so. It fails with ErrNotFound, and with an
// Invalid error when the reason is too long.
func (i Item) Forget(reason string) ([]Event, error) {
	if !i.Exists() {
		return nil, ErrNotFound
	}
	if i.Status == StatusForgotten {
		return nil, nil
	}
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	return []Event{Forgotten{Reason: reason}}, nil
}

// Restore makes a superseded, merged or forgotten item live; a live one stays
// so. Its expiry stays, too. It fails with ErrNotFound, and with an Invalid
// error when the reason is too long.
func (i Item) Restore(reason string) ([]Event, error) {
	if !i.Exists() {
		return nil, ErrNotFound
	}
	if i.Status == StatusLive {
		return nil, nil
	}
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	return []Event{Restored{Reason: reason, ExpiresAt: i.ExpiresAt}}, nil
}

// live refuses what only a live item takes.
func (i Item) live() error {
	switch i.Status {
	case "":
		return ErrNotFound
	case StatusLive:
		return nil
	default:
		return ErrNotLive
	}
}

// checkOther returns an Invalid error when id cannot be that of another item.
func (i Item) checkOther(field, id string) error {
	if id == i.ID {
		return domain.InvalidField(field, "is the item itself")
	}
	return domain.CheckName(field, id)
}

func checkReason(reason string) error { return domain.CheckText("reason", reason, MaxReason) }
