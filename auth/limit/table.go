package limit

// looked is how many of the entries unused longest are looked at to make room.
const looked = 8

// table is a map of a bounded size that knows the order in which its entries
// were used. It is not safe for concurrent use.
type table[K comparable, V any] struct {
	most    int
	entries map[K]*entry[K, V]
	ring    *entry[K, V] // ring.next was used last, ring.prev longest ago
}

type entry[K comparable, V any] struct {
	next, prev *entry[K, V]
	key        K
	value      V
}

func newTable[K comparable, V any](most int) *table[K, V] {
	t := &table[K, V]{most: most, entries: map[K]*entry[K, V]{}, ring: &entry[K, V]{}}
	t.ring.next, t.ring.prev = t.ring, t.ring
	return t
}

// use returns the value of key and marks it as used, nil when there is none.
func (t *table[K, V]) use(key K) *V {
	e := t.entries[key]
	if e == nil {
		return nil
	}
	if t.ring.next != e {
		e.unlink()
		t.link(e)
	}
	return &e.value
}

// look returns the value of key without marking it, nil when there is none.
func (t *table[K, V]) look(key K) *V {
	if e := t.entries[key]; e != nil {
		return &e.value
	}
	return nil
}

// add makes an entry for a key that has none. spare says how well a value can
// be done without: 1 and more means entirely, 0 and less means not at all. It
// returns nil when there is no room.
func (t *table[K, V]) add(key K, spare func(*V) float64) *V {
	for range 2 { // two out for one in: the table shrinks to what it needs
		if last := t.ring.prev; last != t.ring && spare(&last.value) >= 1 {
			t.drop(last)
		}
	}
	if len(t.entries) >= t.most && !t.makeRoom(spare) {
		return nil
	}
	e := &entry[K, V]{key: key}
	t.entries[key] = e
	t.link(e)
	return &e.value
}

// makeRoom drops the entry that is best done without, of a few. Those that
// must stay are put in front, so that others are looked at the next time.
func (t *table[K, V]) makeRoom(spare func(*V) float64) bool {
	var best *entry[K, V]
	most := 0.0
	for e, n := t.ring.prev, 0; e != t.ring && n < looked; n++ {
		newer := e.prev
		switch s := spare(&e.value); {
		case s > most:
			best, most = e, s
		case s <= 0:
			e.unlink()
			t.link(e)
		}
		e = newer
	}
	if best == nil {
		return false
	}
	t.drop(best)
	return true
}

// remove forgets a key.
func (t *table[K, V]) remove(key K) {
	if e := t.entries[key]; e != nil {
		t.drop(e)
	}
}

func (t *table[K, V]) drop(e *entry[K, V]) {
	e.unlink()
	delete(t.entries, e.key)
}

func (t *table[K, V]) link(e *entry[K, V]) {
	e.next, e.prev = t.ring.next, t.ring
	e.next.prev, t.ring.next = e, e
}

func (e *entry[K, V]) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
}
