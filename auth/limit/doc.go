// Package limit keeps anybody from asking too much (Limiter), from guessing
// (Lockout), and from flooding the audit (Denials). What each keeps is bounded,
// whatever comes in.
package limit
