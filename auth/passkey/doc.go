// Package passkey lets people in by WebAuthn credentials: as the second factor
// beside a password, and alone. It is the relying party of Web Authentication
// Level 3 (https://www.w3.org/TR/webauthn-3/) and keeps nothing itself.
//
// A ceremony has two halves. Begin makes the options for the browser and a
// State; Finish takes that State and the browser's response:
//
//	BeginRegistration ─ options ─▶ navigator.credentials.create ─ response ─▶ FinishRegistration ─▶ Record
//	BeginLogin        ─ options ─▶ navigator.credentials.get    ─ response ─▶ FinishLogin ────────▶ Record
//	BeginDiscoverable ┘
//
// The caller keeps the State where the browser cannot change it, and removes it
// before Finish is called, whatever comes of it: a State that serves twice lets
// a response be replayed. It keeps the Record as the public data of an
// [identity.Credential] with the id of [Record.CredentialID].
//
// What is checked, and what is not:
//
//   - Challenge, type of the ceremony, origin and relying party must be ours; a
//     page in a frame of a foreign page is refused.
//   - The user must be present in every ceremony. User verification (PIN,
//     fingerprint) is asked for as a second factor and required without a
//     password. A credential that was registered without it stays a second
//     factor: whoever finds such a key could give it a PIN of his own.
//   - A sign count that does not grow means a copied key ([ErrCloned]).
//   - Attestation is not asked for: any make of authenticator is welcome.
package passkey
