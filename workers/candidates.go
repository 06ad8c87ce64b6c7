package workers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hivemesh/hivemesh/domain/agent"
)

// muster is what a look over the connected agents shows about a waiting task.
type muster struct {
	connected   int
	serve       int                 // its queue
	without     [3]int              // match, but are given no new work, by what they are set aside for; none = they drain
	match       int                 // and may be given work
	slots, used int                 // of those that match
	missing     map[string]struct{} // capabilities that none of those that serve has
}

func (f *fleet) muster(c *class) muster {
	s := muster{missing: map[string]struct{}{}}
	for _, name := range c.capabilities {
		s.missing[name] = struct{}{}
	}
	for _, m := range f.agents {
		st := m.loaded.State
		if m.tenant != c.tenant || st.Status != agent.StatusActive && st.Status != agent.StatusDraining {
			continue
		}
		s.connected++
		if len(st.Spec.Queues) > 0 && !slices.Contains(st.Spec.Queues, c.queue) {
			continue
		}
		s.serve++
		able := 0
		for _, name := range c.capabilities {
			if slices.Contains(st.Spec.Capabilities, name) {
				delete(s.missing, name)
				able++
			}
		}
		switch {
		case able < len(c.capabilities):
		case m.pool == nil:
			s.without[m.aside]++
		default:
			s.match++
			s.slots += st.Spec.Capacity
			s.used += m.used()
		}
	}
	return s
}

// candidates says which agents could take a waiting task, and why they do not.
func (f *fleet) candidates(w *work) (string, []string) {
	s := f.muster(w.class)
	connected := fmt.Sprintf("(%s %s connected)", count(s.connected, "agent"), are(s.connected))
	switch {
	case s.connected == 0:
		return "no agent is connected", nil
	case s.serve == 0:
		return fmt.Sprintf("no agent serves queue %s %s", w.class.queue, connected), nil
	case len(s.missing) > 0:
		return fmt.Sprintf("no agent has capability %s %s", names(s.missing, w.class.capabilities), connected), nil
	case s.match == 0 && s.without == [3]int{}:
		return fmt.Sprintf("no agent has all of the capabilities %s %s", strings.Join(w.class.capabilities, ", "), connected), nil
	}
	groups := []struct {
		n    int
		text string
	}{{s.without[notAside], "draining"}, {s.without[asideSilent], "silent"}, {s.without[asideResting], "resting after work handed back"}}
	var more []string
	summary := ""
	for _, g := range groups {
		switch {
		case g.n == 0:
		case s.match == 0 && summary == "":
			summary = fmt.Sprintf("%s, %s %s", matches(g.n), all(g.n), g.text)
		default:
			more = append(more, matches(g.n)+" but "+are(g.n)+" "+g.text)
		}
	}
	switch {
	case summary != "":
		return summary, more
	case s.used >= s.slots:
		return fmt.Sprintf("%s, %s full (%d of %d slots)", matches(s.match), all(s.match), s.used, s.slots), more
	default:
		return fmt.Sprintf("%s, %d of %d slots are free", matches(s.match), s.slots-s.used, s.slots), more
	}
}

// names lists those of order that are in set.
func names(set map[string]struct{}, order []string) string {
	var in []string
	for _, n := range order {
		if _, ok := set[n]; ok {
			in = append(in, n)
		}
	}
	return strings.Join(in, ", ")
}

func matches(n int) string {
	if n == 1 {
		return "1 agent matches"
	}
	return fmt.Sprintf("%d agents match", n)
}

func all(n int) string {
	switch n {
	case 1:
		return "it is"
	case 2:
		return "both"
	default:
		return "all"
	}
}
