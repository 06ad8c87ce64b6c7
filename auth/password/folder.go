package password

import (
	"context"
	"crypto/sha1" // the list's; nothing rests on its strength
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// NewFolder returns a Breached that looks into a copy of the list of Have I
// Been Pwned as its downloader lays it out: a file for each prefix of 5 hex
// digits, such as 5BAA6.txt, with a line SUFFIX:COUNT for each hash. It fails
// with kind Invalid when the first of them, 00000.txt, is not there.
//
// What it returns fails when the file of a prefix is missing or is not of that
// form. No error tells any part of the hash.
func NewFolder(files fs.FS) (Breached, error) {
	if _, err := fs.Stat(files, "00000.txt"); err != nil {
		return nil, domain.InvalidField("folder", "must hold the files 00000.txt to FFFFF.txt of the list of breached passwords")
	}
	return func(ctx context.Context, password string) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		sum := sha1.Sum([]byte(password))
		hash := strings.ToUpper(hex.EncodeToString(sum[:]))
		file, err := files.Open(hash[:prefixSize] + ".txt")
		if e := (*fs.PathError)(nil); errors.As(err, &e) {
			err = e.Err // without the name, which is the prefix
		}
		if err != nil {
			return false, fmt.Errorf("look into the folder of breached passwords: %w", err)
		}
		defer file.Close() //nolint:errcheck // it was only read
		found, err := search(file, hash[prefixSize:])
		if e := (*fs.PathError)(nil); errors.As(err, &e) {
			err = e.Err
		}
		if err != nil {
			return false, fmt.Errorf("read the folder of breached passwords: %w", err)
		}
		return found, nil
	}, nil
}
