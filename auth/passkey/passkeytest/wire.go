package passkeytest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// The flags of authenticator data (WebAuthn, section 6.1).
const (
	flagPresent  = 0x01
	flagVerified = 0x04
	flagEligible = 0x08
	flagBackedUp = 0x10
	flagAttested = 0x40
)

// authData returns what the authenticator signs: hash of the relying party,
// flags, sign count and, for a new credential, its key.
func (a *Authenticator) authData(c *Credential, attested []byte) []byte {
	var flags byte
	if !a.Spoof.Absent {
		flags |= flagPresent
	}
	if a.Verifies {
		flags |= flagVerified
	}
	if a.Synced {
		flags |= flagEligible | flagBackedUp
	} else {
		c.Count++
	}
	if attested != nil {
		flags |= flagAttested
	}
	count := c.Count
	if a.Spoof.Recount > 0 {
		count = a.Spoof.Recount
	}
	data := append(sha256Of([]byte(or(a.Spoof.RPID, c.RPID))), flags)
	return append(binary.BigEndian.AppendUint32(data, count), attested...)
}

// clientData returns what the browser says about the ceremony.
func (a *Authenticator) clientData(ceremony, challenge string) []byte {
	data, _ := json.Marshal(map[string]any{ // cannot fail: texts and a bool
		"type": or(a.Spoof.Type, ceremony), "challenge": or(a.Spoof.Challenge, challenge),
		"origin": a.Origin, "crossOrigin": a.Spoof.CrossOrigin,
	})
	return data
}

// respond returns the JSON of a PublicKeyCredential.
func (a *Authenticator) respond(id []byte, response map[string]any) ([]byte, error) {
	out, err := json.Marshal(map[string]any{
		"id": b64(id), "rawId": b64(id), "type": "public-key", "response": response,
		"clientExtensionResults": map[string]any{}, "authenticatorAttachment": "cross-platform",
	})
	if err != nil {
		return nil, fmt.Errorf("encode the response: %w", err)
	}
	return append(out, bytes.Repeat([]byte(" "), a.Spoof.Padding)...), nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func sha256Of(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

func uint16be(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
