package projections

// SearchExactly lets searches compute every distance when up to n items match,
// and look into the index of vectors when more do.
func (p *Projections) SearchExactly(n int) { p.exactRows = n }

// DropPasts drops this node's views of the past, as its end does.
func (p *Projections) DropPasts() { p.past.drop(p) }
