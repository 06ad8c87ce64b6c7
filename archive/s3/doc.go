// Package s3 keeps an archive in a bucket of an S3-compatible object store.
//
// A file is an object, under the prefix of the address, put by one request that
// carries
//
//	If-None-Match: *      only where there is none; 412 otherwise
//	Content-MD5           what arrives damaged is refused; the content itself is
//	                      not signed, which TLS makes up for
//	x-amz-meta-put        whose put it was, so that a put whose answer was lost is
//	                      known again when its repetition is refused
//
// A store that ignores the condition would let one node replace what another has
// sealed. So the first put of a process proves it on an object of its own,
// "conditional-writes", and fails where it is replaced.
//
// # Failures
//
// A request is tried five times. It ends when nothing has moved for a while
// (Config.Timeout), however large it is. A store that does not answer, or
// refuses, is archive.ErrUnavailable and never damage. What the store says is
// told by its code alone: text of the store, and credentials, are in no error.
package s3
