package projections

// workset keeps the rows that were used lately: at least half of limit and at
// most limit of them, by two generations of which the older is dropped.
type workset[R any] struct {
	limit      int
	young, old map[rowKey]*R
}

func newWorkset[R any](limit int) *workset[R] {
	w := &workset[R]{limit: limit}
	w.reset()
	return w
}

func (w *workset[R]) reset() {
	w.young, w.old = map[rowKey]*R{}, map[rowKey]*R{}
}

// get returns the row, or nil when it is not at hand.
func (w *workset[R]) get(k rowKey) *R {
	if r, ok := w.young[k]; ok {
		return r
	}
	r, ok := w.old[k]
	if ok {
		w.young[k] = r
	}
	return r
}

func (w *workset[R]) put(k rowKey, r *R) { w.young[k] = r }

// missing returns the keys of items whose rows are not at hand.
func (w *workset[R]) missing(items []*item) (tenants []string, ids [][16]byte) {
	asked := map[rowKey]bool{}
	for _, it := range items {
		k := it.row()
		if asked[k] || w.get(k) != nil {
			continue
		}
		asked[k] = true
		tenants, ids = append(tenants, k.tenant), append(ids, k.id)
	}
	return tenants, ids
}

// drop forgets a row that is not likely to be needed again.
func (w *workset[R]) drop(k rowKey) {
	delete(w.young, k)
	delete(w.old, k)
}

// settle forgets what has not been used lately when there is too much. It
// must not run while rows are dirty.
func (w *workset[R]) settle() {
	if len(w.young) > w.limit/2 {
		w.old, w.young = w.young, make(map[rowKey]*R, w.limit/4)
	}
}
