// Package oidc lets people in who log in at an OpenID provider: the code flow
// of OpenID Connect Core 1.0 with PKCE (RFC 7636, S256 only), as RFC 9700 asks
// for it. It keeps no token, and only what discovery says between two logins.
//
//	Begin  ─ URL ─▶ browser ─▶ provider ─▶ browser ─ query ─▶ Finish ─▶ Identity
//	   └──────────────────────── State ─────────────────────────┘
//
// The caller keeps the State under a random name, gives that name to the
// browser as a cookie (HttpOnly, Secure, SameSite=Lax), finds the State by it
// when the browser comes back, and removes it before Finish is called, whatever
// comes of it. A State found by the query alone would let a stranger's login be
// finished in the browser of a victim (RFC 6749, section 10.12).
//
// Who comes is decided by issuer and subject alone: [Identity.CredentialID],
// which belongs to one tenant. Name and Email are what the provider says of the
// person today. They may name a new principal, and must never find one that
// exists: whoever may choose a name at the provider would be let in as another.
//
// An answer is refused when its state, its issuer (RFC 9207), or of the ID
// token the signature, algorithm (RS256, ES256, EdDSA), issuer, audience,
// authorised party, expiry or nonce is not as it should be, and when a claim
// that the configuration requires is missing.
package oidc
