package limit

import "net/netip"

// AddressKey returns the key under which an address is limited: an IPv4
// address as it is, also when it is mapped into IPv6, and an IPv6 address by
// its /64, which one subscriber has all of (RFC 6177). Zones are left out. An
// address that is not valid has the key "unknown".
func AddressKey(a netip.Addr) string {
	if !a.IsValid() {
		return "unknown"
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	p, _ := a.WithZone("").Prefix(64) // never fails for an IPv6 address
	return p.String()
}
