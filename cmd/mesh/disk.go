package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/embedded"
)

// Disk space below either of these is warned about.
const (
	lowDiskShare = 0.10
	lowDiskBytes = 2 << 30
)

// minRoom is kept free for the log, in bytes: below it commands are refused.
// A Postgres that ends with less is held to have ended for want of room.
const minRoom = 64 << 20

// roomEvery is short enough for minRoom: what fills up meanwhile is less.
const roomEvery = 50 * time.Millisecond

// room fails when the disk of dir is nearly full.
func room(dir string) error {
	free, _, err := embedded.DiskFree(dir)
	if err != nil || free >= minRoom { // a disk that cannot be asked is not held to be full
		return nil //nolint:nilerr // as said
	}
	return fmt.Errorf("%s has %d MiB left", dir, free>>20)
}

// watchRoom returns room for a dir that is asked at every command: it looks
// again after every roomEvery.
func watchRoom(dir string) func() error {
	var mu sync.Mutex
	var looked time.Time
	var full error
	return func() error {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(looked) >= roomEvery {
			looked, full = time.Now(), room(dir)
		}
		return full
	}
}

// diskChecks warns before a disk that the mesh writes to is full.
func diskChecks(dirs ...string) func(context.Context) []client.Check {
	return func(context.Context) []client.Check {
		checks := make([]client.Check, 0, len(dirs))
		for _, dir := range dirs {
			free, total, err := embedded.DiskFree(dir)
			if err != nil {
				continue // a node without a data directory has no disk of its own to watch
			}
			low := free < lowDiskBytes || float64(free) < lowDiskShare*float64(total)
			checks = append(checks, client.Check{
				Name: "disk", OK: true, Warn: low,
				Detail: fmt.Sprintf("%s: %s of %s free", dir, bytesText(int64(free)), bytesText(int64(total))),
			})
		}
		return checks
	}
}
