// Package recovery makes a mesh's log anew from its archive: the events with
// their sequences and times, the payloads that they name, and the keys that the
// log does not hold.
//
//	plan      choose the log and where to end; read and check every segment up to there
//	events    the stream, closed to nodes by a mark       Restore
//	keys      the bucket, decrypted
//	artifacts the bucket, by digest
//	finish    the mark is taken away: a node may start    Finish
//
// Each step can be done again. A restore that is cut off leaves the mark, so
// that no node starts on half a log; the next restore begins anew. The restored
// log has another identity: read models and positions of the old one are
// refused and never go on with it.
package recovery
