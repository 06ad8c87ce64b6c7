// Package token makes and checks the signed statements by which requests are
// authenticated: access tokens of the mesh (RFC 9068), and the assertions by
// which an agent proves that it holds its key (RFC 7523). Both are JWTs signed
// with Ed25519 (RFC 8037) and nothing else; RFC 8725 is followed in full:
//
//	a header holds alg, typ and kid, each one time, and no other member
//	alg is EdDSA: a key has one algorithm, which the token cannot choose
//	kid only looks a key up in the keys of the mesh; nothing is fetched
//	typ keeps the two sorts apart; iss, aud and the times are always checked
//	members that stand twice, other encodings of the same bytes, and anything
//	over 8 KiB are refused before a signature is looked at
//
// A token that is refused is not told why, but for having expired.
package token
