package auth

import (
	"crypto/ed25519"
	"encoding/hex"
	"math/big"
	"slices"

	"github.com/hivemesh/hivemesh/domain"
)

// ParsePublicKey returns an Ed25519 public key that only the holder of one
// private key can sign for. It fails with kind Invalid on the field
// "public_key" for bytes that are no point of the curve or another encoding of
// one (RFC 8032, section 5.1.3), and for the eight points of small order: for
// those anybody can make signatures that ed25519.Verify accepts (Chalkias,
// Garillot, Nikolaenko, "Taming the many EdDSAs", SSR 2020).
func ParsePublicKey(raw []byte) (ed25519.PublicKey, error) {
	if len(raw) != ed25519.PublicKeySize {
		return nil, domain.InvalidField("public_key", "is not an Ed25519 key: it must have %d bytes", ed25519.PublicKeySize)
	}
	plain := slices.Clone(raw)
	plain[len(plain)-1] &= 0x7f // without the sign of x
	y := new(big.Int).SetBytes(reversed(plain))
	if y.Cmp(fieldPrime()) >= 0 || !onCurve(y) {
		return nil, domain.InvalidField("public_key", "is not an Ed25519 key: it is no point of the curve in its one form")
	}
	if slices.Contains(smallOrder(), hex.EncodeToString(plain)) {
		return nil, domain.InvalidField("public_key", "is not a safe Ed25519 key: anybody could sign for it")
	}
	return ed25519.PublicKey(raw), nil
}

// smallOrder returns the y of every point whose order divides 8, as encoded.
func smallOrder() []string {
	return []string{
		"0000000000000000000000000000000000000000000000000000000000000000", // order 4
		"0100000000000000000000000000000000000000000000000000000000000000", // order 1
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
	}
}

// fieldPrime returns 2^255 - 19.
func fieldPrime() *big.Int {
	p := new(big.Int).Lsh(big.NewInt(1), 255)
	return p.Sub(p, big.NewInt(19))
}

// onCurve reports whether some x goes with y: x² = (y²-1)/(dy²+1) with
// d = -121665/121666 is a square.
func onCurve(y *big.Int) bool {
	p := fieldPrime()
	square := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(square, big.NewInt(1))
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665))
	v := d.Mul(d, square)
	v.Add(v, big.NewInt(1))
	return big.Jacobi(u.Mul(u, v).Mod(u, p), p) >= 0 // u/v is a square when u·v is
}

func reversed(b []byte) []byte {
	b = slices.Clone(b)
	slices.Reverse(b)
	return b
}
