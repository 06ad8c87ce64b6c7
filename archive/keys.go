package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
)

const (
	keysSuffix = ".keys"
	maxKeys    = 8 << 20
)

// ErrNoIdentity says that none of the identities given opens the keys.
var ErrNoIdentity = errors.New("the keys in the archive are encrypted to somebody else: give the identity file that was made with the archive")

// Keys is what a mesh must know and its log must not hold, by name.
type Keys map[string][]byte

// PutKeys encrypts the keys to the recipients (age, X25519) and keeps them as
// those that go with the log up to seq.
func (l *Log) PutKeys(ctx context.Context, seq uint64, keys Keys, to []age.Recipient) error {
	text, err := json.Marshal(keys)
	if err != nil {
		return fmt.Errorf("encrypt the keys: %w", err)
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	if err != nil {
		return fmt.Errorf("encrypt the keys: %w", err)
	}
	_, err = w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("encrypt the keys: %w", err)
	}
	return l.target.Put(ctx, l.path(fmt.Sprintf("%020d-%.16s%s", seq, sum(b.Bytes()), keysSuffix)), b.Bytes())
}

// Keys decrypts the keys that go with the log up to seq: the first ones kept at
// seq or later, which hold all that its events need, else the last.
func (l *Log) Keys(ctx context.Context, seq uint64, identities ...age.Identity) (Keys, error) {
	names, err := l.keyFiles(ctx)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, &DamageError{File: l.path("*" + keysSuffix), Seq: seq, Reason: "there are no keys"}
	}
	name := names[len(names)-1]
	for _, n := range slices.Backward(names) {
		if sequenceOf(n) < seq {
			break
		}
		name = n
	}
	data, err := l.readKeys(ctx, name)
	if err != nil {
		return nil, err
	}
	keys, err := openKeys(data, identities)
	if errors.Is(err, ErrNoIdentity) {
		return nil, err
	}
	if err != nil {
		return nil, &DamageError{File: l.path(name), Seq: seq, Reason: err.Error()}
	}
	return keys, nil
}

// keyFiles returns the names of all files of keys, by sequence.
func (l *Log) keyFiles(ctx context.Context) ([]string, error) {
	names, err := l.target.List(ctx, l.path(""))
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, keysSuffix) }), err
}

func sequenceOf(name string) uint64 {
	digits, _, _ := strings.Cut(name, "-")
	seq, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0
	}
	return seq
}

// readKeys reads a file of keys and checks it against its name.
func (l *Log) readKeys(ctx context.Context, name string) ([]byte, error) {
	data, err := l.target.Get(ctx, l.path(name), maxKeys)
	if err != nil {
		return nil, err
	}
	if _, rest, _ := strings.Cut(name, "-"); rest != sum(data)[:16]+keysSuffix {
		return nil, &DamageError{File: l.path(name), Seq: sequenceOf(name), Reason: "its content is not what its name says"}
	}
	return data, nil
}

func openKeys(data []byte, identities []age.Identity) (Keys, error) {
	if len(identities) == 0 {
		return nil, ErrNoIdentity
	}
	r, err := age.Decrypt(bytes.NewReader(data), identities...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, ErrNoIdentity
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxKeys))
	if err != nil {
		return nil, err
	}
	var keys Keys
	return keys, json.Unmarshal(text, &keys)
}
