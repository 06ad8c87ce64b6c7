// Package eventstore is the log: one JetStream stream that holds every event,
// in one order, appended conditionally and read in several ways. It knows no
// domain package, and nothing else writes to the stream.
//
// # Guarantees
//
//   - An acknowledged decision is stored whole, as safely as the servers store:
//     with sync always, it has been fsynced. Durability says what can be seen.
//   - Each entity has one literal subject, and each append names the entity's
//     last sequence: of two decisions made on the same event, one is stored.
//   - A conflict is never answered for a command that was in fact stored after
//     the expected sequence: its id is compared with all events there first.
//   - Readers that go by Tail see every event once, in order, in batches that
//     hold whole decisions. Sequences ascend; they may have holes.
//
// # Appending
//
//	          submit                 flight                  acknowledged
//	caller ──────────► queue ───────────────► server ───────────────────► answer
//	                   ▲  │ stale, or suspect   │ refused, silent, cut off
//	                   │  └────────► sift / judge ◄──┘ ───────────────────► answer
//	                   └────────────────┘ may still be stored
//
// One goroutine, the committer, sends. Up to 16 single events go as plain
// publishes side by side; more, and decisions of several events, go as one
// atomic batch of at most 1,000 messages and 4 MiB, one batch at a time. There
// is no timer: a batch holds what has gathered while the one before was stored,
// and what gathers until the server says that it is open (batch). A subject
// occurs in one decision of a batch only, and its first message carries the
// expectation.
//
// The committer remembers the last sequence of recent subjects. What it knows
// to be stale is not sent, so that it cannot spoil a batch. When a batch is
// refused all the same, one multi-get tells which members are stale, and the
// others go out together again. The committer is then wary for a while: of the
// next groups it looks up what it does not know before it sends them. A direct
// read may be behind but is never ahead: a sequence beyond an expectation is a
// fact from any replica, while an equal one is only a reason to try again, and
// where reads and refusals contradict each other the leader is asked. With
// several replicas, a multi-get refutes a decision only when it covers all that
// the leader had before.
//
// # Failures
//
//	what the server says, or not      | what the committer does             | answer
//	----------------------------------+-------------------------------------+-----------------------------
//	10071, 10164                      | sift: read what the subjects hold   | conflict, or sent again
//	timeout, cut connection, 10176,   | judge: read every event after the   | as it turned out; after 3 ×
//	no responders, any other error    | expected sequence, by the leader    | AckWait ErrUnknownOutcome
//	not connected, nothing sent       | wait for the connection             | after 3 × AckWait ErrUnavailable
//	10077, 10047                      | nothing was stored                  | ErrFull
//	10054, 10199                      | nothing was stored                  | ErrTooLarge
//
// A decision of unknown outcome whose entities still stand where it expects
// them is sent again with the same expectations: at most one copy is stored.
//
// # Tailing
//
// A tail reads with an ordered consumer and replaces it, from the end of the
// last decision handed on, after a reconnect, a gap, a missing heartbeat, or
// when it stays silent while the log grows. It reads ahead of the handler by a
// bounded number of records and bytes.
//
// # Caching
//
// A Cache keeps folded states. Each entry misses nothing between the log's
// start and its sequence; so a stale entry costs a refused append and another
// try, and no decision is made on a state that never was.
package eventstore
