package main

import (
	"context"
	"strings"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/s3"
)

// openArchive opens the directory or the bucket that a flag names. A bucket is
// not asked for anything yet.
func openArchive(flag, name string) (archive.Target, error) {
	if strings.HasPrefix(name, s3.Scheme) {
		return openBucket(flag, name)
	}
	dir, err := archive.OpenDir(name)
	if err != nil {
		return nil, &failure{Exit: exitFailed, Code: "archive", Field: flag, Message: err.Error(), Hint: "the directory must exist, so that an empty mount point is not taken for an archive: mkdir " + name}
	}
	return dir, nil
}

func openBucket(flag, address string) (archive.Target, error) {
	cfg, err := s3.Parse(address)
	if err != nil {
		return nil, usagef("%s: %v", flag, err)
	}
	bucket, err := s3.Open(cfg)
	if err != nil {
		return nil, usagef("%s: %v", flag, err)
	}
	return bucket, nil
}

// chooseLog opens the archive of a log: the one named, or the one that was
// written last.
func chooseLog(ctx context.Context, from archive.Target, id string) (*archive.Log, error) {
	ids := []string{id}
	if id == "" {
		var err error
		if ids, err = archive.Logs(ctx, from); err != nil {
			return nil, err
		}
	}
	var newest *archive.Log
	for _, id := range ids {
		l, err := archive.OpenLog(ctx, from, id)
		if err != nil {
			return nil, err
		}
		if len(l.Seals) > 0 && (newest == nil || l.End().SealedAt.After(newest.End().SealedAt)) {
			newest = l
		}
	}
	if newest == nil {
		return nil, &failure{Exit: exitNotFound, Code: "no_archive", Message: "the archive holds no such log, or nothing of it", Hint: "mesh backup ls --from shows what it holds"}
	}
	return newest, nil
}
