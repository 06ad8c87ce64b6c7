// Package limit keeps anybody from asking too much, or from guessing.
package limit
