package ngram

import "math"

// The letters in a piece, counting a blank before and after the word.
const (
	minPiece = 3
	maxPiece = 4
)

// addPieces adds the pieces of one word, so that all together weigh x.
func addPieces(v []float32, word []byte, x float32) {
	n := 0
	for size := minPiece; size <= maxPiece; size++ {
		n += max(0, len(word)-size+1)
	}
	if n == 0 {
		return
	}
	x /= float32(math.Sqrt(float64(n)))
	for i := range word {
		h := uint64(0x9ae16a3b2f90404f) // not fnvOffset: a piece is not a word
		for j, c := range word[i:min(i+maxPiece, len(word))] {
			h = (h ^ uint64(c)) * fnvPrime
			if j+1 >= minPiece {
				add(v, h, x)
			}
		}
	}
}
