package identity

import (
	"encoding/json"
	"fmt"
)

// Schema is the payload version that this binary writes for every event.
const Schema = 1

// Decoders turns a payload of the current schema into its event, by wire name.
//
//nolint:gochecknoglobals // a constant table; Go has no constant maps
var Decoders = map[string]func([]byte) (Event, error){
	"tenant.created":         decode[TenantCreated],
	"tenant.suspended":       decode[TenantSuspended],
	"tenant.resumed":         decode[TenantResumed],
	"role.defined":           decode[RoleDefined],
	"role.removed":           decode[RoleRemoved],
	"role.granted":           decode[RoleGranted],
	"role.provided":          decode[RoleProvided],
	"role.revoked":           decode[RoleRevoked],
	"policy.set":             decode[PolicySet],
	"policy.removed":         decode[PolicyRemoved],
	"principal.created":      decode[PrincipalCreated],
	"principal.suspended":    decode[PrincipalSuspended],
	"principal.resumed":      decode[PrincipalResumed],
	"principal.teams_set":    decode[TeamsSet],
	"principal.locked_out":   decode[LockedOut],
	"credential.set":         decode[CredentialSet],
	"credential.removed":     decode[CredentialRemoved],
	"credential.used":        decode[CredentialUsed],
	"credential.failed":      decode[CredentialFailed],
	"tokens.revoked":         decode[TokensRevoked],
	"token.revoked":          decode[TokenRevoked],
	"access.denied":          decode[AccessDenied],
	"session.started":        decode[SessionStarted],
	"session.refreshed":      decode[SessionRefreshed],
	"session.reuse_detected": decode[ReuseDetected],
	"session.ended":          decode[SessionEnded],
	"invitation.issued":      decode[InvitationIssued],
	"invitation.used":        decode[InvitationUsed],
	"invitation.revoked":     decode[InvitationRevoked],
	"key.rotated":            decode[KeyRotated],
	"key.retired":            decode[KeyRetired],
}

// Decode returns the event of a stored payload. A type or schema that this
// binary does not know is an error.
func Decode(typ string, schema int, data []byte) (Event, error) {
	dec, ok := Decoders[typ]
	if !ok {
		return nil, fmt.Errorf("decode %s: unknown event type", typ)
	}
	if schema != Schema {
		return nil, fmt.Errorf("decode %s: schema %d is not known to this binary (%d)", typ, schema, Schema)
	}
	return dec(data)
}

func decode[E Event](data []byte) (Event, error) {
	var e E
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("decode %s: %w", e.Type(), err)
	}
	return e, nil
}
