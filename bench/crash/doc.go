// Package crash shows by force, on the built binary, what the design promises:
// nothing acknowledged is lost, no task completes twice, none is stuck, and
// the rebuilt read models equal the live ones.
//
//	crash_test.go     mesh, Postgres and agents are killed at random moments
//	nodes_test.go     one of two nodes is killed or stopped: the other goes on
//	postgres_test.go  Postgres is away for a while, or not there at the start
//	full_*test.go     the log or a disk is full
//	input_test.go     what a mesh does not start with, and what it says then
//
// "task test:crash" runs the long form of the first; -outage 30s that of the
// third.
package crash
