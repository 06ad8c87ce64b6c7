// Package embedtest measures embedders on labelled data that is derived by
// rule from the Go standard library: the first sentence of a declaration's doc
// comment, without the declaration's name, asks for the declaration.
package embedtest
