package passkeytest

import (
	"bytes"
	"encoding/binary"
)

// The major types of CBOR that are needed (RFC 8949, section 3.1).
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	_ // array
	majorMap
)

func cborHead(major byte, n int) []byte {
	head := major << 5
	switch {
	case n < 24:
		return []byte{head | byte(n)}
	case n < 1<<8:
		return []byte{head | 24, byte(n)}
	default:
		return binary.BigEndian.AppendUint16([]byte{head | 25}, uint16(n))
	}
}

func cborInt(n int) []byte {
	if n < 0 {
		return cborHead(majorNegative, -1-n)
	}
	return cborHead(majorUint, n)
}

func cborBytes(b []byte) []byte { return append(cborHead(majorBytes, len(b)), b...) }

func cborText(s string) []byte { return append(cborHead(majorText, len(s)), s...) }

// cborMap returns a map of keys and values that take turns, in the order given.
func cborMap(items ...[]byte) []byte {
	return append(cborHead(majorMap, len(items)/2), bytes.Join(items, nil)...)
}
