// Package archive is a copy of the event log away from the log: sealed segments
// in a directory or a bucket (see Target), from which the log is made again.
//
//	<target>/logs/<log>/<first>.seg      events, in the server's backup format (NATS ADR-63), zstd
//	<target>/logs/<log>/<first>.json     the seal: range, counts, digest of the segment, chain
//	<target>/logs/<log>/<sequence>.keys  what the log must not hold, encrypted with age
//	<target>/artifacts/<tenant>/<digest> payloads too large for events, by content, after their own SHA-256
//
// A segment counts once its seal is there, and a seal is written after all that
// it depends on: the segment, the artifacts that its events name, and the keys.
// A target makes a file whole or not at all, and only where there is none; none
// is ever changed. So a writer that is cut off leaves nothing that looks whole.
//
// # The chain
//
// Each seal holds the digest of the seal before it and of its own content
// (SHA-256), so that a segment that is missing, changed, exchanged or of another
// log is found, with the sequence where it begins. Cutting off the end is not
// found by the chain alone: compare what Verify says with the newest position
// that is known from elsewhere.
//
// Two writers of one log cannot both seal the same range: a seal is made only
// where there is none. The one that comes second begins again after it.
package archive
