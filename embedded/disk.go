package embedded

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// DiskFree returns the bytes that an ordinary user may still write on the
// file system of dir, and its size in bytes. It fails when dir does not exist.
func DiskFree(dir string) (free, total uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	size := uint64(st.Bsize) // its type differs by system
	return st.Bavail * size, st.Blocks * size, nil
}
