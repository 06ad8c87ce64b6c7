package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/eventstore"
)

// The newest part of the log that the hub keeps for its feeds.
const (
	ringRecords = 4096
	ringBytes   = 16 << 20 // of payload
)

// What a feed takes from the ring at a time. It is a copy: a feed whose client
// reads slowly holds no more than that of what the ring has dropped.
const (
	pieceRecords = 256
	pieceBytes   = 1 << 20 // of payload; one record more may be in it
)

// hub follows the log once for all feeds. Feeds read from its ring, each at
// its own pace; one that has fallen behind the ring reads the log itself until
// it is back. So a feed costs no consumer and no queue, and a slow one holds
// nobody up.
type hub struct {
	store *eventstore.Store

	mu    sync.Mutex
	ring  []*entry // every event after base, oldest first
	bytes int
	base  uint64
	last  uint64
	live  bool
	wake  chan struct{} // closed when ring or live changes
}

// entry is an event on its way to feeds, encoded once for all of them.
type entry struct {
	eventstore.Record
	once sync.Once
	data []byte
}

// encoded returns the event as JSON.
func (e *entry) encoded(convert func(eventstore.Record) client.Event) []byte {
	e.once.Do(func() {
		data, err := json.Marshal(convert(e.Record))
		if err != nil { // data that is no JSON: tell of the event without it
			bare := convert(e.Record)
			bare.Data = nil
			data, _ = json.Marshal(bare)
		}
		e.data = data
	})
	return e.data
}

func newHub(store *eventstore.Store) *hub { return &hub{store: store, wake: make(chan struct{})} }

var (
	errNotLive = &domain.Error{Kind: domain.Unavailable, Code: "feeds_unavailable", Message: "live feeds are not served by this node now; try again"}
	errJoined  = errors.New("caught up with the ring")
)

// run follows the log until ctx ends, and tells also of every batch.
func (h *hub) run(ctx context.Context, also func([]eventstore.Record)) error {
	last, err := h.end(ctx)
	if err != nil {
		return nil //nolint:nilerr // ctx ended before the log answered
	}
	h.set(last, true)
	defer h.set(last, false)
	err = h.store.Tail(ctx, last, eventstore.TailOptions{Name: "feeds"}, func(rs []eventstore.Record) error {
		h.add(rs)
		also(rs)
		return nil
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// end returns the log's last sequence, however long it takes.
func (h *hub) end(ctx context.Context) (uint64, error) {
	for {
		last, err := h.store.LastSeq(ctx)
		if err == nil || ctx.Err() != nil {
			return last, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (h *hub) set(last uint64, live bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring, h.bytes, h.base, h.last, h.live = nil, 0, last, last, live
	h.broadcast()
}

// broadcast wakes all feeds. The caller holds mu.
func (h *hub) broadcast() {
	close(h.wake)
	h.wake = make(chan struct{})
}

func (h *hub) add(rs []eventstore.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range rs {
		h.ring = append(h.ring, &entry{Record: r})
		h.bytes += len(r.Data)
		h.last = r.Seq
	}
	if len(h.ring) > 2*ringRecords || h.bytes > 2*ringBytes {
		h.trim()
	}
	h.broadcast()
}

// trim keeps the newest part, in a new slice so that the rest can be freed.
func (h *hub) trim() {
	first, kept := len(h.ring), 0
	for first > 0 && len(h.ring)-first < ringRecords && kept+len(h.ring[first-1].Data) <= ringBytes {
		first--
		kept += len(h.ring[first].Data)
	}
	if first > 0 {
		h.base = h.ring[first-1].Seq
	}
	h.ring, h.bytes = append([]*entry(nil), h.ring[first:]...), kept
}

// position returns the sequence up to which the hub has followed the log.
func (h *hub) position() (uint64, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last, h.live
}

// after returns the first piece of what the ring holds behind at; covered is
// false when the ring begins later. wake is closed when there is more.
func (h *hub) after(at uint64) (entries []*entry, wake <-chan struct{}, covered, live bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at < h.base {
		return nil, h.wake, false, h.live
	}
	i := sort.Search(len(h.ring), func(i int) bool { return h.ring[i].Seq > at })
	end, size := i, 0
	for end < len(h.ring) && end-i < pieceRecords && size < pieceBytes {
		size += len(h.ring[end].Data)
		end++
	}
	return slices.Clone(h.ring[i:end]), h.wake, true, h.live
}

// follow hands every event after at to handle, in order, each once. When
// there is nothing for a while it calls idle with the position reached. It
// ends with ctx's error, that of handle or idle, or errNotLive.
func (h *hub) follow(ctx context.Context, at uint64, pause time.Duration, handle func([]*entry) error, idle func(at uint64) error) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		entries, wake, covered, live := h.after(at)
		var err error
		switch {
		case !live:
			return errNotLive
		case !covered:
			at, err = h.catchUp(ctx, at, handle)
		case len(entries) > 0:
			err = handle(entries)
			at = entries[len(entries)-1].Seq
		default:
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-wake:
			case <-tick.C:
				err = idle(at)
			}
		}
		if err != nil {
			return err
		}
	}
}

// catchUp reads the log itself from at until the ring covers the rest, and
// returns where it is then.
func (h *hub) catchUp(ctx context.Context, at uint64, handle func([]*entry) error) (uint64, error) {
	start, err := h.decisionStart(ctx, at)
	if err != nil {
		return at, err
	}
	err = h.store.Tail(ctx, start, eventstore.TailOptions{Name: "feed"}, func(rs []eventstore.Record) error {
		entries := make([]*entry, 0, len(rs))
		for _, r := range rs {
			if r.Seq > at {
				entries = append(entries, &entry{Record: r})
			}
		}
		if err := handle(entries); err != nil {
			return err
		}
		at = max(at, rs[len(rs)-1].Seq)
		if _, _, covered, live := h.after(at); covered || !live {
			return errJoined
		}
		return nil
	})
	if errors.Is(err, errJoined) {
		err = nil
	}
	return at, err
}

// decisionStart steps back to the end of the decision before the one that at
// lies within, since the log is read decision by decision.
func (h *hub) decisionStart(ctx context.Context, at uint64) (uint64, error) {
	if at == 0 {
		return 0, nil
	}
	r, err := h.store.Get(ctx, at)
	switch {
	case errors.Is(err, eventstore.ErrNotFound), errors.Is(err, eventstore.ErrInvalid):
		return at, nil
	case err != nil:
		return 0, err
	case r.EndsDecision():
		return at, nil
	}
	return at - uint64(r.Index), nil
}
