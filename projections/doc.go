// Package projections keeps the read models in Postgres: rows that are made
// from the log alone, may be dropped at any time, and can be proven right.
//
//	log ──tail──► decode ──► fold per entity ──► one transaction: rows, parked
//	              (next batch)                   events, checkpoints ──► NOTIFY
//
// # Generations
//
// Each read model has a version, which is raised whenever the meaning of its
// rows changes, and each version generations, which are copies in schemas of
// their own: proj_<name>_v<version>_g<generation>. One generation of a version
// is live and answers the queries of the binaries of that version.
//
//	new ──fill (bulk, indexes last)──► caught up ──one UPDATE──► live ──► previous ──► dropped
//
// A rebuild locks the live checkpoint, so that the live lane waits with its
// commit, reaches the same sequence, moves the pointer, and raises the old
// owner epoch. The live lane is thereby fenced and opens again on the new
// generation. A query finds the live generation first and reads it then.
//
// # Guarantees
//
//   - The effect of every event is in the rows exactly once: rows and
//     checkpoint are committed together, and the checkpoint moves only from
//     the sequence, the log and the owner that the lane believes in. This is
//     a claim about this database, not about effects elsewhere.
//   - Nothing is skipped silently. An event that cannot be applied is parked
//     with its error; so are later events of its entity, and the entities that
//     a decision ties to it. The others go on.
//   - Rows do not depend on where batches are cut: Verify compares the live
//     tables with rebuilt ones by hash.
//   - Page.Seq is honest: the rows are at least as new.
//
// # Failures
//
//	Postgres gone, slow, restarted   the lane opens again from its checkpoint,
//	                                 with growing pauses; nothing parks;
//	                                 queries are Unavailable
//	node or session of the lane dies its advisory lock is free: another node
//	                                 takes over and raises the owner epoch
//	two owners                       the older one is fenced at its next commit
//	event cannot be decoded          parked without a transaction being lost
//	data refused by Postgres         rolled back; decision by decision behind
//	                                 savepoints; what fails is parked
//	more than 10,000 parked entities the projection stops until it is rebuilt
//	log restored or replaced         the projection refuses to run and to
//	                                 answer, says why, and asks for a rebuild
//	rebuild interrupted              its generation is dropped; a requested one
//	                                 begins again with the next owner
//	notification lost                the second-by-second look finds it
package projections
