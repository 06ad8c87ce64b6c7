package workers

import stdheap "container/heap"

// heap is a priority queue whose items know their place in it, so that one
// whose rank changed, or that is no longer wanted, is found at once.
type heap[T any] struct{ items places[T] }

// newHeap returns an empty heap. at returns where the item keeps its place: 0
// means that it is not in the heap.
func newHeap[T any](less func(a, b T) bool, at func(T) *int) heap[T] {
	return heap[T]{places[T]{less: less, at: at}}
}

func (h *heap[T]) len() int { return len(h.items.list) }

// top returns the first item, or the zero value of an empty heap.
func (h *heap[T]) top() (first T) {
	if len(h.items.list) > 0 {
		first = h.items.list[0]
	}
	return first
}

// set puts the item in, or moves it to where it belongs now.
func (h *heap[T]) set(item T) {
	if at := *h.items.at(item); at > 0 {
		stdheap.Fix(&h.items, at-1)
		return
	}
	stdheap.Push(&h.items, item)
}

// remove takes the item out, if it is in.
func (h *heap[T]) remove(item T) {
	if at := *h.items.at(item); at > 0 {
		stdheap.Remove(&h.items, at-1)
	}
}

// places implements the interface of container/heap.
type places[T any] struct {
	list []T
	less func(a, b T) bool
	at   func(T) *int
}

func (p *places[T]) Len() int           { return len(p.list) }
func (p *places[T]) Less(i, j int) bool { return p.less(p.list[i], p.list[j]) }

func (p *places[T]) Swap(i, j int) {
	p.list[i], p.list[j] = p.list[j], p.list[i]
	*p.at(p.list[i]), *p.at(p.list[j]) = i+1, j+1
}

func (p *places[T]) Push(item any) {
	t, ok := item.(T)
	if !ok {
		return
	}
	p.list = append(p.list, t)
	*p.at(t) = len(p.list)
}

func (p *places[T]) Pop() any {
	last := len(p.list) - 1
	item := p.list[last]
	var none T
	p.list[last] = none
	p.list = p.list[:last]
	*p.at(item) = 0
	return item
}
