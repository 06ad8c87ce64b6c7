// Package natsauth answers the NATS server's question whom a connection
// belongs to and what it may do: the auth callout of NATS (ADR-26).
//
//	client             server                             responder (one node of the queue group)
//	  | CONNECT          |                                        |
//	  |----------------->| request JWT, signed by the server      |
//	  |                  |--- $SYS.REQ.USER.AUTH ---------------->| verify, ask Decide
//	  |                  |<-- response JWT, signed by the issuer -| user JWT: name, subjects, expiry
//	  | PONG or refusal  |                                        |
//	  |<-----------------|                                        |
//
// A connection gets the subjects of its grant and no others: a grant without
// subjects publishes and subscribes nothing. The server closes it when the
// grant expires. The connection's user name is UserName(tenant, principal),
// by which it is found again to be cut.
//
// What each failure does:
//
//	the credential is refused      the client is told "Authorization Violation", the log the reason
//	Decide fails, or panics        the same
//	nobody answers                 nobody but the mesh gets in; clients try again
//	a request is not the server's  no answer
//	a request has waited too long  no answer: the server has given up by then
//
// Requests hold the credentials that clients present. They reach Decide and
// nothing else: no log line and no error of this package has them.
package natsauth
