package client

import "encoding/json"

// PasskeyOptions is what a browser makes or uses a passkey by, in the JSON form
// of Web Authentication Level 3.
type PasskeyOptions struct {
	PublicKey json.RawMessage `json:"publicKey" doc:"for PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON"`
}

// PasskeyRegistration is a passkey that a browser made.
type PasskeyRegistration struct {
	Credential json.RawMessage `json:"credential" doc:"what PublicKeyCredential.toJSON returned"`
	Name       string          `json:"name,omitempty" doc:"that its holder knows it by"`
}

// PasskeyLoginRequest begins a login by a passkey: as the second factor of a
// person whose name and password are right, else alone.
type PasskeyLoginRequest struct {
	Tenant   string `json:"tenant,omitempty" doc:"default: the default tenant"`
	Login    string `json:"login,omitempty"`
	Password string `json:"password,omitempty"`
}

// PasskeyLogin is what a browser answers with to be let in.
type PasskeyLogin struct {
	Credential json.RawMessage `json:"credential" doc:"what PublicKeyCredential.toJSON returned"`
	Client     string          `json:"client,omitempty" doc:"program that logs in"`
}
