package ngram

import "math"

// counts is what was read of one text. It is kept between texts, since most
// of the time would go into making it.
type counts struct {
	total   int
	words   []counted
	at      map[uint64]int // place in words, by stem
	letters []byte         // the words' letters, each word between blanks
	pairs   []counted
	pairAt  map[uint64]int
	last    int    // place in words of the word before; -1 for none
	buf     []byte // for eachWord
}

// counted is a word or a pair with how often it occurs.
type counted struct {
	hash       uint64
	n          int
	weight     float32
	start, end int // in letters
}

func newCounts() *counts {
	return &counts{at: make(map[uint64]int, 256), pairAt: make(map[uint64]int, 256)}
}

// read counts the words and pairs of text.
func (c *counts) read(text string) {
	clear(c.at)
	clear(c.pairAt)
	c.total, c.last = 0, -1
	c.words, c.letters, c.pairs = c.words[:0], c.letters[:0], c.pairs[:0]
	c.buf = eachWord(text, c.buf, c.word)
}

func (c *counts) word(w []byte) {
	c.total++
	h := fnv(fnvOffset, stem(w))
	i, known := c.at[h]
	if !known {
		i = len(c.words)
		c.at[h] = i
		start := len(c.letters)
		c.letters = append(append(append(c.letters, ' '), w...), ' ')
		c.words = append(c.words, counted{hash: h, weight: weight(w), start: start, end: len(c.letters)})
	}
	c.words[i].n++
	if c.words[i].weight == grammarWeight {
		return
	}
	if c.last >= 0 {
		c.pair(c.words[c.last], c.words[i])
	}
	c.last = i
}

// pair counts two neighbours; function words between them are passed over.
func (c *counts) pair(a, b counted) {
	h := mix(a.hash*3 + b.hash)
	i, known := c.pairAt[h]
	if !known {
		i = len(c.pairs)
		c.pairAt[h] = i
		c.pairs = append(c.pairs, counted{hash: h, weight: float32(math.Sqrt(float64(a.weight * b.weight)))})
	}
	c.pairs[i].n++
}

// fill adds what was read to v.
func (c *counts) fill(v []float32) {
	for _, w := range c.words {
		x := w.weight * often(w.n)
		addTwice(v, w.hash, x)
		if w.weight != grammarWeight {
			addPieces(v, c.letters[w.start:w.end], pieceWeight*x)
		}
	}
	for _, p := range c.pairs {
		addTwice(v, p.hash, pairWeight*p.weight*often(p.n))
	}
}

// often is how much more n times count than once.
func often(n int) float32 {
	if n == 1 {
		return 1
	}
	return float32(1 + 0.8*math.Log(float64(n)))
}
