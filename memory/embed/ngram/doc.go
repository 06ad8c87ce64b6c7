// Package ngram is the built-in embedder. It is lexical: two texts are near
// when they share words, parts of words or pairs of neighbouring words. It
// knows nothing of meaning, so "car" and "automobile" are as far apart as any
// two words. In return it needs no model, no network and no start-up, reads
// thousands of texts a second, and gives the same vectors on every machine.
package ngram
