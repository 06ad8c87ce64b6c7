// Package seal encrypts small secrets, such as a TOTP seed or the client
// secret of an OIDC provider, so that they can stand in the log while the keys
// that open them are kept outside of it.
//
// A sealed text is
//
//	v1.<key id>.<base64url of nonce, ciphertext and tag>
//
// with AES-256-GCM (NIST SP 800-38D) and a random nonce of 96 bits. What the
// secret belongs to, its place, is authenticated with it (associated data)
// together with the version and the key id: a sealed text that is moved to
// another principal or another field does not open there.
//
// Rotation: the new key becomes the current one and the old keys stay in the
// ring to open; a text is carried over by opening and sealing it again; a key
// under which nothing is sealed any more is dropped from the ring. One key must not seal more than
// 2^32 texts, the bound for random nonces.
package seal
