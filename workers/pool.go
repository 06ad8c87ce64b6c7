package workers

import (
	"slices"
	"strings"
)

// pool holds the agents of a tenant that may be given work and that can do
// the same: same queues, same capabilities. It is never empty. A change of an
// agent's load moves the agent in its pool, and the pool among those that
// serve the same class.
type pool struct {
	id           string
	tenant       string
	queues       []string // none = every queue
	capabilities map[string]struct{}
	members      heap[*member]      // least loaded first
	links        map[*link]struct{} // to the classes that it serves
}

func newPool(id string, m *member) *pool {
	spec := m.loaded.State.Spec
	p := &pool{
		id: id, tenant: m.tenant, queues: spec.Queues, capabilities: map[string]struct{}{}, links: map[*link]struct{}{},
		members: newHeap(lessLoaded, func(m *member) *int { return &m.inPool }),
	}
	for _, c := range spec.Capabilities {
		p.capabilities[c] = struct{}{}
	}
	return p
}

// link says that a pool serves a class.
type link struct {
	pool    *pool
	class   *class
	inClass int
}

// best is the agent to be asked first.
func (k *link) best() *member { return k.pool.members.top() }

func poolID(m *member) string {
	spec := m.loaded.State.Spec
	return profile(m.tenant, sorted(spec.Queues), sorted(spec.Capabilities))
}

func (p *pool) serves(c *class) bool {
	if p.tenant != c.tenant || len(p.queues) > 0 && !slices.Contains(p.queues, c.queue) {
		return false
	}
	for _, need := range c.capabilities {
		if _, ok := p.capabilities[need]; !ok {
			return false
		}
	}
	return true
}

// lessLoaded puts the agent with the smaller share of its slots in use first;
// of equals, the one whose load has not changed for longest. Agents without a
// free slot come last.
func lessLoaded(a, b *member) bool {
	left, right := a.used()*b.loaded.State.Spec.Capacity, b.used()*a.loaded.State.Spec.Capacity
	if left != right {
		return left < right
	}
	return a.turn < b.turn
}

// sorted returns the distinct names in order.
func sorted(names []string) []string {
	s := slices.Clone(names)
	slices.Sort(s)
	return slices.Compact(s)
}

// profile joins lists of names, which hold no NUL or newline, to a map key.
func profile(tenant string, lists ...[]string) string {
	var b strings.Builder
	b.WriteString(tenant)
	for _, l := range lists {
		b.WriteByte('\n')
		b.WriteString(strings.Join(l, "\x00"))
	}
	return b.String()
}
