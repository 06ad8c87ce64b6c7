// Package pg finds or provisions PostgreSQL programs with pgvector and runs
// private clusters with them, without root and without a compiler.
//
// Where the programs come from, in this order:
//
//  1. a server installed on this machine whose share directory has pgvector
//     0.7 or newer; no service of it is touched;
//  2. on machines of the Debian family, a bundle: Debian's ready-made packages,
//     checked by apt, unpacked into a private cache, with their own C library;
//  3. else an error that says what to install.
//
// A cluster that exists already is only opened with the major version that
// made it.
package pg
