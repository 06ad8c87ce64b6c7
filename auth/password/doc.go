// Package password keeps and checks passwords: verifiers that cannot be turned
// back, and a policy for what may become a password.
//
// A verifier is an argon2id hash (RFC 9106) in the PHC string form,
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>
//
// with the salt and the hash in base64 without padding. It carries its own
// parameters, so they can be raised at any time: Verify says when a verifier
// is weaker than what is made today, and the caller, who has the password at
// that moment, replaces it.
//
// Hashing is made to be dear, and anybody may try to log in. So a Hasher works
// on a bounded number of passwords at once, and refuses when a caller's
// context ends before its turn. For a login that does not exist the caller
// runs Burn, which takes as long as a check, so that the time taken does not
// tell which logins exist.
//
// A password is read as Unicode in normalisation form C, as RFC 8265 has it
// (section 4.2.2), and otherwise as it was typed: no trimming, no folding of
// case, no cutting. Without this an "é" typed on one system would not be the
// "é" of another, and its owner would be locked out. ASCII is not touched.
//
// The policy follows NIST SP 800-63B-4 (section 3.1.1) and OWASP ASVS 5 (V6.2):
// length counts, the kinds of characters do not, and what is easily guessed
// is refused.
package password
