// Package crash shows by force what the design promises: a parent journals
// every acknowledgement while it kills the mesh, Postgres and agents at random
// moments, and compares in the end. Nothing acknowledged is lost, no task
// completes twice, none is stuck, and the rebuilt read models equal the live
// ones. See crash_test.go; "task test:crash" runs the long form.
package crash
