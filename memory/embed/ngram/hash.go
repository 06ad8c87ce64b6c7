package ngram

const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

// fnv is FNV-1a of 64 bits.
func fnv(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// mix is the finaliser of MurmurHash3: every bit of the result hangs on every
// bit of h, which FNV alone does not give.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h
}

// add adds x to the place of v that h says, with the sign that h says.
func add(v []float32, h uint64, x float32) {
	h = mix(h)
	if h>>63 == 1 {
		x = -x
	}
	v[(h&0xffffffff)*uint64(len(v))>>32] += x
}

// addTwice spreads x over two places.
func addTwice(v []float32, h uint64, x float32) {
	const half = 0.70710678 // of the square
	add(v, h, half*x)
	add(v, h+0x9e3779b97f4a7c15, half*x)
}
