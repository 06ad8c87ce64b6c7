package projections

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	"github.com/hivemesh/hivemesh/domain"
)

// Query narrows and pages a list, and says what it must have read.
type Query struct {
	Filter string // see parseFilter: "status:waiting,running priority>=5 label.env:prod"
	Limit  int    // 1 to 1000; 50 when 0
	Cursor string // Page.Next of the page before, with the same filter
	// Restrict is a further filter, that of what the reader may see.
	Restrict string
	After    uint64 // wait up to 5 seconds until the read model has reached this event, then answer anyway
}

// conditions returns all that must hold.
func (q *Query) conditions() string { return q.Restrict + " " + q.Filter }

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Next  string // cursor of the next page; empty on the last
	Seq   uint64 // the rows are at least as new as this event
	Lag   uint64 // events that the log was ahead, at most about a second ago
}

// cursor is where a page ended, and the query that it belongs to.
type cursor struct {
	Query string `json:"q"`
	Seq   uint64 `json:"s,omitempty"`
	Text  string `json:"t,omitempty"`
	ID    string `json:"i,omitempty"`
}

// digest binds a cursor to its list, tenant and filter.
func digest(list, tenant, filter string) string {
	h := sha256.Sum256([]byte(list + "\x00" + tenant + "\x00" + filter))
	return hex.EncodeToString(h[:8])
}

func (c cursor) encode() string {
	data, err := json.Marshal(c)
	if err != nil {
		return "" // a struct of strings and numbers always encodes
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// begin checks a query and reads its cursor; nil on the first page.
func (q *Query) begin(list, tenant string) (*cursor, error) {
	if q.Limit == 0 {
		q.Limit = 50
	}
	if q.Limit < 1 || q.Limit > 1000 {
		return nil, domain.InvalidField("limit", "%d is not between 1 and 1000", q.Limit)
	}
	if q.Cursor == "" {
		return nil, nil //nolint:nilnil // no cursor is no error
	}
	data, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil {
		return nil, errCursor.Sayf("it is not a cursor of this list")
	}
	var c cursor
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, errCursor.Sayf("it is not a cursor of this list")
	}
	if c.Query != digest(list, tenant, q.Filter) {
		return nil, errCursor.Sayf("it belongs to another list or filter: a cursor continues the query that it came from")
	}
	return &c, nil
}

// finish cuts the row that tells of a next page, and makes the cursor to it.
func finish[T any](p *Page[T], q Query, list, tenant string, at pointer, last func(T) cursor) {
	p.Seq, p.Lag = at.seq, at.lag
	if len(p.Items) <= q.Limit {
		return
	}
	p.Items = p.Items[:q.Limit]
	c := last(p.Items[q.Limit-1])
	c.Query = digest(list, tenant, q.Filter)
	p.Next = c.encode()
}
