package memory

import (
	"maps"
	"time"
)

// Remembered is the first event of an item.
type Remembered struct {
	Spec
	Hash string `json:"hash"` // see Spec.Hash
}

// Embedded brings the vector that a model made of the item's text, so that no
// replay asks the model again.
type Embedded struct {
	Model      string `json:"model"`
	Dimensions int    `json:"dimensions"`
	Vector     string `json:"vector"` // see EncodeVector
	Hash       string `json:"hash"`   // of the content that it was made from
	Tokens     int    `json:"tokens"` // what the model counted, 0 when it counts none
}

// Superseded says that another item holds what is true now.
type Superseded struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Merged says that another item says the same.
type Merged struct {
	Into     string  `json:"into"`
	Distance float64 `json:"distance"` // cosine distance of the two, 0 to 2
}

// Reason says what makes an item worth more or less.
type Reason string

// The reasons of Reinforced.
const (
	ReasonRepeated  Reason = "repeated" // the same content was remembered again
	ReasonUsed      Reason = "used"
	ReasonHelpful   Reason = "helpful"
	ReasonUnhelpful Reason = "unhelpful"
)

// Reinforced says that the item was met again.
type Reinforced struct {
	Reason Reason `json:"reason"`
	Task   string `json:"task,omitempty"` // id of the task that used or judged it
	By     string `json:"by,omitempty"`   // id of another item that repeats it
	// ExpiresAt is the item's expiry after a repetition, zero for never. The
	// other reasons leave the item's as it is.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Corrected changes what the item says. The vectors of another content go.
type Corrected struct {
	Text       string   `json:"text,omitempty"`       // whole, also when it stays
	Importance *float64 `json:"importance,omitempty"` // nil when it stays
	Tags       []string `json:"tags,omitzero"`        // all of them; nil when they stay
	Hash       string   `json:"hash"`                 // of the content as it is now
	Reason     string   `json:"reason,omitempty"`
}

// Forgotten takes the item out of every recall.
type Forgotten struct {
	Reason string `json:"reason,omitempty"`
}

// Restored undoes Superseded, Merged and Forgotten.
type Restored struct {
	Reason    string    `json:"reason,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // the item's expiry from now on, zero for never
}

// Moved says that a chunk stands elsewhere in its document now.
type Moved struct {
	Place Place `json:"place"`
}

// The wire names.

func (Remembered) Type() string { return "memory.remembered" }
func (Embedded) Type() string   { return "memory.embedded" }
func (Superseded) Type() string { return "memory.superseded" }
func (Merged) Type() string     { return "memory.merged" }
func (Reinforced) Type() string { return "memory.reinforced" }
func (Corrected) Type() string  { return "memory.corrected" }
func (Moved) Type() string      { return "memory.moved" }
func (Forgotten) Type() string  { return "memory.forgotten" }
func (Restored) Type() string   { return "memory.restored" }

func (e Remembered) apply(i Item, at time.Time) Item {
	return Item{ID: i.ID, Spec: e.Spec, Hash: e.Hash, Status: StatusLive, RememberedAt: at, UpdatedAt: at}
}

// apply leaves a vector of another content out: it came too late.
func (e Embedded) apply(i Item, _ time.Time) Item {
	if e.Hash != i.Hash {
		return i
	}
	vectors := maps.Clone(i.Embedded)
	if vectors == nil {
		vectors = map[string]Embedding{}
	}
	vectors[e.Model] = Embedding{Dimensions: e.Dimensions, Hash: e.Hash}
	i.Embedded = vectors
	return i
}

func (e Moved) apply(i Item, at time.Time) Item {
	i.Place, i.UpdatedAt = &e.Place, at
	return i
}

func (e Superseded) apply(i Item, at time.Time) Item {
	i.Status, i.ReplacedBy, i.UpdatedAt = StatusSuperseded, e.By, at
	return i
}

func (e Merged) apply(i Item, at time.Time) Item {
	i.Status, i.ReplacedBy, i.UpdatedAt = StatusMerged, e.Into, at
	return i
}

func (e Reinforced) apply(i Item, at time.Time) Item {
	switch e.Reason {
	case ReasonRepeated:
		i.Repeats++
		i.UsedAt, i.ExpiresAt = at, e.ExpiresAt
	case ReasonUsed:
		i.Used++
		i.UsedAt = at
	case ReasonHelpful:
		i.Helpful++
		i.UsedAt = at
	case ReasonUnhelpful:
		i.Helpful--
	}
	return i
}

func (e Corrected) apply(i Item, at time.Time) Item {
	if e.Hash != i.Hash {
		i.Embedded = nil
	}
	i.Text, i.Hash, i.UpdatedAt = e.Text, e.Hash, at
	if e.Importance != nil {
		i.Importance = *e.Importance
	}
	if e.Tags != nil {
		i.Tags = e.Tags
	}
	return i
}

func (e Forgotten) apply(i Item, at time.Time) Item {
	i.Status, i.ReplacedBy, i.UpdatedAt = StatusForgotten, "", at
	return i
}

func (e Restored) apply(i Item, at time.Time) Item {
	i.Status, i.ReplacedBy, i.ExpiresAt, i.UpdatedAt = StatusLive, "", e.ExpiresAt, at
	return i
}
