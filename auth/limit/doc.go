// Package limit keeps callers from using more than their share: token buckets
// for requests, growing waits for guessed logins, and one line instead of a
// thousand for denials. It knows keys and a clock, not HTTP.
//
//	Limiter   how many requests a key may make          token bucket
//	Lockout   how soon a login may be tried again       growing waits
//	Collapse  how often a denial is written down        first and count
//
// # What an attacker cannot do
//
// Memory is bounded: every part keeps a set number of entries, however many
// addresses or names are made up. Room for a new entry is made by dropping one
// that says nothing any more: a full bucket, a failure long ago. Under a flood
// it is made by dropping the one that says least of a few that were unused
// longest, and never one that holds somebody back at that moment. When all of
// them do, newcomers share one entry until there is room: a flood slows itself
// and other newcomers, and frees nobody.
//
// # Why a stranger cannot lock a principal out
//
// A lockout by name alone is a gift to whoever wants somebody kept out (OWASP
// Authentication Cheat Sheet, "Account Lockout"; ASVS 5.0 V6.1.1 asks for
// protection from it, V6.3.1 for the one from guessing). So failures are counted
// twice, and a wait is the longer of two:
//
//   - by principal and group of addresses: after 5 failures 1 s, and twice as
//     long with each further one, up to 15 min. It concerns that place only.
//   - by principal, of all places from which it never logged in: after 20
//     failures the same waits, for all those places together. It concerns no
//     place from which the principal did log in before (SP 800-63B-4, 3.2.2,
//     lists this and growing waits as ways to keep a claimant from being locked
//     out).
//
// A guesser with any number of addresses so gets 30 tries or so at a principal
// and then 4 an hour, and the principal works on from its usual place. What
// remains: somebody in the same network as the principal can make that place
// wait, and a principal in a new place during an attack waits with the
// strangers. Keys cannot be guessed and are not under a lockout. Neither can
// passkeys; wrong ones show somebody who tries, and are counted by themselves: no
// wrong password makes a passkey wait.
//
// A success clears the failures of its place and not those of strangers, else
// each login of the principal would give guessers another 20 tries. A try made
// during a wait is refused unread and counts for nothing, so nobody prolongs a
// wait. Names that do not exist are treated like those that do.
//
// SP 800-63B-4, 3.2.2, bounds consecutive failures of an authenticator by 100;
// a policy that has to hold that bound disables the password by an event after
// as many. This package only slows down.
//
// # Time
//
// Nothing here runs by itself. The clock is passed in; what is over is found
// out when the next call comes.
package limit
