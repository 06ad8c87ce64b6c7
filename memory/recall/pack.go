package recall

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hivemesh/hivemesh/projections"
)

// bytesPerToken estimates the tokens of a text: models differ, and English
// text has about four bytes a token.
const bytesPerToken = 4

// packFrom is how many hits a pack chooses from.
const packFrom = 50

// Packed is an item of a pack.
type Packed struct {
	projections.Hit
	Tokens int
	From   string // where it comes from, in words
}

// Pack is a context of bounded size.
type Pack struct {
	Text     string
	Items    []Packed // best first
	Tokens   int      // estimated, never more than the budget
	Degraded string
	Seq      uint64
}

// Pack gathers what is worth most for a query within a budget of tokens:
// greedily by score a token, told in the order of the scores, each with its
// source. What does not fit is left out whole.
func (s *Service) Pack(ctx context.Context, tenant string, scopes projections.Scopes, q Query, budget int) (Pack, error) {
	q.Limit = packFrom
	found, err := s.Search(ctx, tenant, scopes, q)
	if err != nil {
		return Pack{}, err
	}
	out := Pack{Degraded: found.Degraded, Seq: found.Seq}
	out.Items = choose(found.Hits, budget)
	var text strings.Builder
	for i, item := range out.Items {
		fmt.Fprint(&text, passage(i+1, item))
		out.Tokens += item.Tokens
	}
	out.Text = text.String()
	return out, nil
}

// choose picks hits by score a token while they fit.
func choose(hits []projections.Hit, budget int) []Packed {
	all := make([]Packed, 0, len(hits))
	for _, h := range hits {
		p := Packed{Hit: h, From: source(h)}
		p.Tokens = tokens(passage(99, p))
		all = append(all, p)
	}
	byWorth := slices.Clone(all)
	slices.SortStableFunc(byWorth, func(a, b Packed) int {
		x, y := a.Score/float64(a.Tokens), b.Score/float64(b.Tokens)
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	chosen := map[string]bool{}
	for _, p := range byWorth {
		if p.Tokens <= budget {
			budget -= p.Tokens
			chosen[p.ID] = true
		}
	}
	return slices.DeleteFunc(all, func(p Packed) bool { return !chosen[p.ID] })
}

func passage(n int, p Packed) string {
	return fmt.Sprintf("[%d] %s\n%s\n\n", n, p.From, strings.TrimSpace(p.Text))
}

func tokens(text string) int { return (len(text) + bytesPerToken - 1) / bytesPerToken }

// source tells where an item comes from.
func source(h projections.Hit) string {
	what := string(h.Kind)
	if h.Subject != "" {
		what += " about " + h.Subject
	}
	switch p := h.Place; {
	case p != nil && p.Heading != "":
		what = fmt.Sprintf("%s:%d, %s", p.URI, p.Line, p.Heading)
	case p != nil:
		what = fmt.Sprintf("%s:%d", p.URI, p.Line)
	case h.Source.ID != "":
		what += fmt.Sprintf(" from %s %s", h.Source.Type, h.Source.ID)
	}
	return fmt.Sprintf("%s (event %d)", what, h.FirstSeq)
}
