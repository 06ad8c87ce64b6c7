// Package embedded runs the mesh's own servers: NATS with JetStream inside
// this process, and a private PostgreSQL with pgvector as a child process. It
// is for `mesh up`, the demo and tests; production names its own clusters.
//
// A data directory holds nats/ and postgres/, each with a lock file, so that
// two meshes never open the same files.
//
// What each failure does:
//
//	this process is killed        PostgreSQL is told to stop by the kernel (Linux) and stops in order;
//	                              elsewhere the next start on the directory stops it
//	PostgreSQL is killed          Postgres.Exited is closed; the next start recovers
//	the machine loses power       acknowledged appends are on disk: NATS syncs before it acknowledges
//	the remembered port is taken  PostgreSQL takes another one; NATS refuses with ErrPortInUse
//	no PostgreSQL, no network     an error that says what to install
package embedded
