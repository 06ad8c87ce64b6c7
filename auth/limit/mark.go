package limit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
)

// mark stands for a name of any length in a table: its keyed hash.
type mark [16]byte

// marks are a principal, and that principal at a place.
type marks struct{ principal, place mark }

// Source returns what stands for a place in events and in memory: the keyed
// hash of its AddressKey, 16 hexadecimal digits, so that one can see that it
// was the same and not which. An address that is not valid is no place, and
// has none.
func (l *Lockout) Source(from netip.Addr) string {
	if !from.IsValid() {
		return ""
	}
	sum := l.hash(AddressKey(from))
	return hex.EncodeToString(sum[:8])
}

func (l *Lockout) marks(principal string, from netip.Addr) (at marks, source string) {
	source = l.Source(from)
	at.principal = l.mark(principal)
	return marks{principal: at.principal, place: l.mark(principal, source)}, source
}

// mark hashes parts of which only the first may contain a zero byte.
func (l *Lockout) mark(parts ...string) mark {
	sum := l.hash(parts...)
	return mark(sum[:16])
}

func (l *Lockout) hash(parts ...string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, l.key)
	for i, part := range parts {
		if i > 0 {
			mac.Write([]byte{0})
		}
		mac.Write([]byte(part))
	}
	return [sha256.Size]byte(mac.Sum(nil))
}
