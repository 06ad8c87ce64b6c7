// Package memory is one thing that is known and may be recalled: a fact, a
// decision, a piece of a document, what an agent went through.
//
//	remember    none ► live; live counts the repetition; any other ► live
//	supersede   live ► superseded, by another item
//	merge       live ► merged, into another item
//	forget      live, superseded, merged ► forgotten
//	restore     superseded, merged, forgotten ► live
//	embed, reinforce, correct    live ► live
//
// Whatever else is asked is refused and changes nothing. Nothing is lost: each
// of these is undone by a later event.
//
// Hash names an item's content. A vector belongs to one content and one
// model: when the text is corrected, the vectors of the old one are gone, and
// one that comes late does not land.
package memory

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// EntityKind is the kind of an item, as it stands in subjects.
const EntityKind = "memory"

// Status is where an item stands.
type Status string

// The statuses. Only a live item is recalled.
const (
	StatusLive       Status = "live"
	StatusSuperseded Status = "superseded" // another item says what holds now
	StatusMerged     Status = "merged"     // another item says the same
	StatusForgotten  Status = "forgotten"  // somebody wanted it gone
)

// Item is the state of one item, folded from its events.
type Item struct {
	ID string
	Spec
	Hash         string // of the content as it is now; see Spec.Hash
	Status       Status
	ReplacedBy   string               // item that supersedes this one or that it was merged into
	Embedded     map[string]Embedding // by model; of the content as it is now
	Used         int                  // how often it was of use to a task
	Helpful      int                  // helpful less unhelpful; may be below 0
	Repeats      int                  // how often the same was remembered again
	RememberedAt time.Time
	UsedAt       time.Time // when it was last used, helpful or repeated
	UpdatedAt    time.Time // when its content or status last changed
}

// Embedding says that there is a vector; the vector itself stays in its event.
type Embedding struct {
	Dimensions int
	Hash       string // of the content that the vector was made from
}

// Event is a fact about an item. The set is sealed.
type Event interface {
	// Type is the event's name on the wire, such as "memory.remembered".
	Type() string
	apply(i Item, at time.Time) Item
}

// Apply returns i after e, which happened at at. The maps and slices of i are
// not changed. It refuses nothing: an event is a fact.
func (i Item) Apply(e Event, at time.Time) Item { return e.apply(i, at) }

// Exists reports whether the item was ever remembered.
func (i Item) Exists() bool { return i.Status != "" }

// Expired reports whether the item's time is over at now: it is then recalled
// no more, though nothing is said in the log.
func (i Item) Expired(now time.Time) bool { return !i.ExpiresAt.IsZero() && !now.Before(i.ExpiresAt) }

// The refusals of this package.
var (
	ErrNotFound = &domain.Error{Kind: domain.NotFound, Code: "memory_not_found", Message: "no such item"}
	ErrNotLive  = &domain.Error{Kind: domain.Conflict, Code: "memory_not_live", Message: "the item is superseded, merged or forgotten"}
	ErrStale    = &domain.Error{Kind: domain.Conflict, Code: "memory_stale", Message: "the vector was made from another content than the item's"}
	ErrKept     = &domain.Error{Kind: domain.Conflict, Code: "memory_kept", Message: "the item is to stay as it is: it is not live, no episode, or was corrected, restored or of help"}
	ErrDiffers  = &domain.Error{Kind: domain.Conflict, Code: "memory_differs", Message: "the item says something else by now"}
)
