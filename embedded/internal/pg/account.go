package pg

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/hivemesh/hivemesh/domain"
)

// Account is who the server's processes run as. PostgreSQL refuses root, so
// root runs them as the user postgres, else nobody.
type Account struct {
	Name     string
	UID, GID int
	drop     bool // the account is not the one that we run as
}

// ServerAccount returns the account for this process. It fails when we are
// root and neither postgres nor nobody is known.
func ServerAccount() (Account, error) {
	if os.Geteuid() != 0 {
		return Account{Name: "the current user", UID: os.Geteuid(), GID: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if err := errors.Join(errUID, errGID); err != nil {
			return Account{}, fmt.Errorf("read user %s: %w", name, err)
		}
		return Account{Name: name, UID: uid, GID: gid, drop: true}, nil
	}
	return Account{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody: run as an ordinary user")
}

// attr returns process attributes that make a child run as the account.
func (a Account) attr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{}
	if a.drop {
		attr.Credential = &syscall.Credential{Uid: uint32(a.UID), Gid: uint32(a.GID)}
	}
	return attr
}

// own gives path to the account.
func (a Account) own(path string) error {
	if !a.drop {
		return nil
	}
	return os.Chown(path, a.UID, a.GID)
}

// admit lets the account pass through dir, which must be ours, and through
// the scratch directories above it, which are made for their owner alone: the
// group becomes the account's and may search them, nothing more.
func (a Account) admit(dir string) error {
	if !a.drop {
		return nil
	}
	scratch := filepath.Clean(os.TempDir()) + string(filepath.Separator)
	for {
		if err := a.admitOne(dir); err != nil {
			return err
		}
		dir = filepath.Dir(dir)
		if !strings.HasPrefix(dir, scratch) {
			return nil
		}
	}
}

func (a Account) admitOne(dir string) error {
	if a.maySearch(dir) {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if err := os.Chown(dir, -1, a.GID); err != nil {
		return err
	}
	return os.Chmod(dir, info.Mode().Perm()&^0o070|0o010)
}

// checkReach returns an error that names the first directory on the way to
// path which the account may not enter. what says whose path it is.
func (a Account) checkReach(path, what string) error {
	if !a.drop {
		return nil
	}
	barrier := ""
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if !a.maySearch(dir) {
			barrier = dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if barrier == "" {
		return nil
	}
	return &domain.Error{Kind: domain.Invalid, Code: "data_dir_unreachable", Message: fmt.Sprintf(
		"PostgreSQL runs as user %s here, who may not enter %s, so the %s cannot be in %s: choose one outside, such as /var/lib/hivemesh, or run as an ordinary user",
		a.Name, barrier, what, path)}
}

func (a Account) maySearch(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return true // nothing known against it; the attempt will tell
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	switch {
	case int(st.Uid) == a.UID:
		return info.Mode()&0o100 != 0
	case int(st.Gid) == a.GID:
		return info.Mode()&0o010 != 0
	}
	return info.Mode()&0o001 != 0
}
