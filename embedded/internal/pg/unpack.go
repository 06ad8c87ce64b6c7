package pg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// unpack extracts the packages and deletes what a server does not read.
func (b bundle) unpack(ctx context.Context, debs []string) error {
	for _, deb := range debs {
		if _, err := output(exec.CommandContext(ctx, "dpkg", "-x", deb, b.root())); err != nil {
			return fmt.Errorf("unpack %s: %w", filepath.Base(deb), err)
		}
	}
	waste := []string{
		filepath.Join(b.root(), "usr/share/doc"), filepath.Join(b.root(), "usr/share/man"),
		filepath.Join(b.root(), "usr/share/locale"), filepath.Join(b.root(), "usr/share/icons"),
		filepath.Join(b.libs(), "perl-base"), filepath.Join(b.libs(), "gconv"),
		filepath.Join(b.pgdir(), "lib/bitcode"),
	}
	jit, _ := filepath.Glob(filepath.Join(b.pgdir(), "lib/llvmjit*")) // fails for a bad pattern only
	for _, path := range append(waste, jit...) {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return readable(b.root())
}

// readable lets everybody read the files and enter the directories.
func readable(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if d.IsDir() || mode&0o111 != 0 {
			mode |= 0o111
		}
		if mode == info.Mode().Perm() {
			return nil
		}
		return os.Chmod(path, mode)
	})
}

// patch makes the programs use the bundle's loader and libraries. It is an
// RPATH, since a RUNPATH would not serve the libraries' own dependencies.
func (b bundle) patch(ctx context.Context) error {
	loader := filepath.Join(b.libs(), b.machine.loader)
	for _, program := range []string{"postgres", "initdb", "pg_ctl", "psql", "pg_dump"} {
		cmd := exec.CommandContext(ctx, loader, "--library-path", b.libs(), filepath.Join(b.root(), "usr/bin/patchelf"),
			"--force-rpath", "--set-interpreter", loader, "--set-rpath", b.libs(), filepath.Join(b.bin(), program))
		if _, err := output(cmd); err != nil {
			return fmt.Errorf("patch %s: %w", program, err)
		}
	}
	return nil
}

// check runs the server and looks for pgvector.
func (b bundle) check(ctx context.Context) error {
	in, err := inspect(ctx, b.bin())
	if err != nil {
		return err
	}
	if in.Major != b.suite.major {
		return fmt.Errorf("unpacked PostgreSQL %s, expected %d", in.Version, b.suite.major)
	}
	if _, err := os.Stat(filepath.Join(b.pgdir(), "lib/vector.so")); err != nil {
		return errors.New("pgvector is not among the packages")
	}
	return nil
}
