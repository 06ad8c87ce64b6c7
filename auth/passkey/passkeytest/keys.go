package passkeytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
)

// signer is the private key of a credential: one of two kinds.
type signer interface {
	sign(message []byte) []byte
	cose() []byte // public key as COSE_Key (RFC 9052, section 7)
}

type ecKey struct{ *ecdsa.PrivateKey }

type edKey struct{ ed25519.PrivateKey }

func newSigner(algorithm int) signer {
	if algorithm == EdDSA {
		_, key, _ := ed25519.GenerateKey(rand.Reader) // never fails, as rand.Reader does not
		return edKey{key}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // P-256 always gives one
	}
	return ecKey{key}
}

func (k ecKey) sign(message []byte) []byte {
	sig, err := ecdsa.SignASN1(rand.Reader, k.PrivateKey, sha256Of(message))
	if err != nil {
		panic(err) // a sound key signs every hash
	}
	return sig
}

func (k ecKey) cose() []byte {
	point, err := k.PublicKey.Bytes() // 4, x, y
	if err != nil {
		panic(err) // a sound key has a point
	}
	return cborMap(
		cborInt(1), cborInt(2), // kty: EC2
		cborInt(3), cborInt(ES256), // alg
		cborInt(-1), cborInt(1), // crv: P-256
		cborInt(-2), cborBytes(point[1:33]),
		cborInt(-3), cborBytes(point[33:]),
	)
}

func (k edKey) sign(message []byte) []byte {
	sig, err := k.Sign(rand.Reader, message, crypto.Hash(0))
	if err != nil {
		panic(err) // a sound key signs everything
	}
	return sig
}

func (k edKey) cose() []byte {
	return cborMap(
		cborInt(1), cborInt(1), // kty: OKP
		cborInt(3), cborInt(EdDSA), // alg
		cborInt(-1), cborInt(6), // crv: Ed25519
		cborInt(-2), cborBytes(k.Public().(ed25519.PublicKey)),
	)
}
