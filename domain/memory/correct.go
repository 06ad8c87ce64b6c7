package memory

import (
	"slices"

	"github.com/hivemesh/hivemesh/domain"
)

// Correction says what is to change of an item.
type Correction struct {
	Text       string   // empty leaves the text
	Importance *float64 // nil leaves it
	Tags       []string // nil leaves them; an empty list takes all away
	Reason     string
}

// Correct changes what the item says, how much it matters, or its tags. A
// correction that changes nothing is no event. It fails with ErrNotFound, with
// ErrNotLive, and with an Invalid error that names the first field that is wrong.
func (i Item) Correct(c Correction) ([]Event, error) {
	if err := i.live(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	e := Corrected{Text: i.Text, Reason: c.Reason}
	if c.Text != "" {
		e.Text = c.Text
	}
	after := i.Spec
	after.Text = e.Text
	e.Hash = after.Hash()
	if c.Importance != nil && *c.Importance != i.Importance {
		e.Importance = c.Importance
	}
	if tags := sortedTags(c.Tags); c.Tags != nil && !slices.Equal(tags, i.Tags) {
		e.Tags = append([]string{}, tags...) // never nil: nil would leave them
	}
	if e.Hash == i.Hash && e.Importance == nil && e.Tags == nil {
		return nil, nil
	}
	return []Event{e}, nil
}

func (c Correction) check() error {
	if c.Text != "" {
		if err := checkText(c.Text); err != nil {
			return err
		}
	}
	if c.Importance != nil {
		if err := checkImportance(*c.Importance); err != nil {
			return err
		}
	}
	if err := domain.CheckNames("tags", c.Tags, MaxTags); err != nil {
		return err
	}
	return checkReason(c.Reason)
}
