package projections

// SearchExactly lets searches compute every distance when up to n items match,
// and look into the index of vectors when more do.
func (p *Projections) SearchExactly(n int) { p.exactRows = n }
