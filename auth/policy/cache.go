package policy

import (
	"sync"

	"github.com/hivemesh/hivemesh/domain/identity"
)

// maxSets bounds how many tenants' policies are kept compiled.
const maxSets = 1_000

// cache keeps the compiled policies of tenants, one revision of each.
type cache struct {
	mu   sync.RWMutex
	sets map[string]*compiled // by tenant
}

// compiled is the policies of one revision; whoever comes first compiles.
type compiled struct {
	revision int
	once     sync.Once
	set      *Set
}

// of returns the compiled policies of a tenant as it is given.
func (c *cache) of(t identity.Tenant) *Set {
	c.mu.RLock()
	entry := c.sets[t.Name]
	c.mu.RUnlock()
	if entry == nil || entry.revision != t.Revision {
		entry = c.enter(t)
	}
	entry.once.Do(func() {
		entry.set, _ = NewSet(textsOf(t)) // what cannot be read forbids
	})
	return entry.set
}

// enter makes room for a revision, unless somebody just did.
func (c *cache) enter(t identity.Tenant) *compiled {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry := c.sets[t.Name]; entry != nil && entry.revision == t.Revision {
		return entry
	}
	if c.sets == nil {
		c.sets = map[string]*compiled{}
	}
	if _, known := c.sets[t.Name]; !known && len(c.sets) >= maxSets {
		for name := range c.sets { // any other one
			delete(c.sets, name)
			break
		}
	}
	entry := &compiled{revision: t.Revision}
	c.sets[t.Name] = entry
	return entry
}

func textsOf(t identity.Tenant) map[string]string {
	texts := make(map[string]string, len(t.Policies))
	for name, p := range t.Policies {
		texts[name] = p.Text
	}
	return texts
}
