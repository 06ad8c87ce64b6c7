// Package otp holds the second factors that a person types: time-based
// one-time passwords (TOTP, RFC 6238) and recovery codes.
//
// TOTP here is what every authenticator app does: HMAC-SHA-1, 6 digits, steps
// of 30 s. A code is accepted for its own step, the one before and the one
// after, and once: the caller keeps the step that was accepted last, for each
// secret, and no step up to it is accepted again. Six digits are few, and of
// the million codes three are right at any time: the caller limits the tries
// (RFC 4226, section 7.3).
//
// A recovery code stands in when the device is lost: 120 random bits, used
// once.
package otp
