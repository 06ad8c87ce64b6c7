package eventstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
)

// namedArtifacts is the set of digests that the log names, by tenant, up to a
// sequence. It holds 32 bytes and the map's own for each, no matter how often
// it is named.
type namedArtifacts struct {
	mu      sync.Mutex
	seq     uint64
	digests map[string]map[[sha256.Size]byte]struct{}
	moved   chan struct{} // closed when seq has grown
}

func newNamedArtifacts() *namedArtifacts {
	return &namedArtifacts{digests: map[string]map[[sha256.Size]byte]struct{}{}, moved: make(chan struct{})}
}

// fold takes in what a tail brought. Whatever reads as a digest in an event's
// data counts as a reference, whatever the event's type: so the events of a
// newer binary count too, and a text that only quotes a digest keeps an object
// that could have gone.
func (n *namedArtifacts) fold(rs []Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range rs {
		n.seq = max(n.seq, r.Seq)
		for data := []byte(r.Data); ; {
			_, after, found := bytes.Cut(data, []byte(digestPrefix))
			if !found {
				break
			}
			data = after
			n.add(r.Entity.Tenant, data)
		}
	}
	close(n.moved)
	n.moved = make(chan struct{})
}

// add puts the digest at the beginning of text in, if one is there.
func (n *namedArtifacts) add(tenant string, text []byte) {
	var sum [sha256.Size]byte
	if len(text) < hex.EncodedLen(len(sum)) {
		return
	}
	if _, err := hex.Decode(sum[:], text[:hex.EncodedLen(len(sum))]); err != nil {
		return
	}
	if n.digests[tenant] == nil {
		n.digests[strings.Clone(tenant)] = map[[sha256.Size]byte]struct{}{}
	}
	n.digests[tenant][sum] = struct{}{}
}

// await returns when everything up to seq has been folded.
func (n *namedArtifacts) await(ctx context.Context, seq uint64) error {
	for {
		n.mu.Lock()
		there, moved := n.seq >= seq, n.moved
		n.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// has reports whether an event names the object. A name that is not of the
// form "<tenant>/<digest>" was not given by this package, and counts as named.
func (n *namedArtifacts) has(name string) bool {
	tenant, digest, ok := strings.Cut(name, "/")
	raw, err := hex.DecodeString(digest)
	if !ok || err != nil || len(raw) != sha256.Size {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	_, named := n.digests[tenant][[sha256.Size]byte(raw)]
	return named
}
