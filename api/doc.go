// Package api is the mesh as programs meet it: HTTP with server-sent events,
// and the same commands as NATS requests.
//
// Both transports read one table of commands (table.go): a command's body,
// checks, answer and refusals are the same on both.
//
//	                 HTTP                         NATS
//	command          POST /v1/…                   cmd.<tenant>.<kind>.<verb>
//	credential       Authorization: Bearer        Mesh-Token header
//	idempotency      Idempotency-Key header       the same header
//	refusal          application/problem+json     the same JSON, Mesh-Error: <status>
//
// Guarantees and failures:
//
//   - A receipt names a position that is on disk. A request that fails with
//     503 may or may not have been carried out; repeating it with the same key
//     is safe.
//   - Commands about full ids never need Postgres. Queries and shortened ids
//     do, and answer 503 with the reason while it is down.
//   - A feed hands over every matching event once and in order; a client that
//     comes back with the last id goes on behind it. A feed that cannot write
//     for 10 s is cut. A position of another log is refused with 409.
//   - An agent's messages may be lost on their way; what is open is told again
//     by the leader, and to an agent that asks.
package api
