// Package ngram is the built-in embedder. It is lexical: two texts are near
// when they share words, parts of words or pairs of neighbouring words. It
// knows nothing of meaning, so "car" and "automobile" are as far apart as any
// two words. In return it needs no model, no network and no start-up, reads
// thousands of texts a second, and gives the same vectors on every machine.
//
// # How a vector is made
//
// Words are found ([eachWord]) in lower case with identifiers split, and
// counted by stem. A word counts 1 + 0.8 ln n for n times, times a weight that
// is lower for function words and for the commonest words of code. Each word
// adds itself, its three- and four-letter pieces (which find its relatives),
// and the pair it makes with the next word. Each of these is hashed to a place
// of the vector and a sign (feature hashing: Weinberger and others, 2009),
// whole words to two places, so that a collision spoils half of a word. The
// sum is scaled to length 1.
//
// The constants were chosen on one half of the Go standard library's packages
// and are measured on the other half, see TestQuality.
package ngram
