package workers

// member returns an agent, away or not, or nil.
func (f *fleet) member(k key) *member {
	if m := f.agents[k]; m != nil {
		return m
	}
	return f.away[k]
}

// stow keeps an agent where it belongs. One that is lost, left or asleep, and
// that has no work, is only kept to be recognised when it comes back: it takes no part
// in anything that goes over all agents.
func (f *fleet) stow(m *member) {
	from, to := f.away, f.agents
	if m.gone() != "" && m.used() == 0 && m.readOnly == "" {
		from, to = to, from
		m.held = nil
	}
	if to[m.key] == nil {
		delete(from, m.key)
		to[m.key] = m
	}
}
