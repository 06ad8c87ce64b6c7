package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// listBatch is how many entries a listing asks for at a time.
const listBatch = 512

// ArtifactCollector removes artifacts that no event names: those of commands
// that were refused, or that died between the put and the append. Fold must be
// given every event of the log, in order; Sweep may be called at the same time.
//
// An object that a stored event names, or that an append on its way is about
// to name, is never removed:
//
//   - Every PutArtifact, also one that finds the object stored, writes a new
//     revision, stamped with the server's time, before the event is appended.
//   - Sweep removes by a write that is conditional on the revision that it
//     listed. A put that is acknowledged before the removal makes the removal
//     fail; one that comes after it is refused, reads the removal, and puts the
//     object anew.
//   - So the event of the revision at hand, if there is one, was appended after
//     that revision's time stamp. The revision must be older than the age (24 h)
//     and must have been found unnamed by the sweep before too, one period
//     earlier by this machine's monotonic clock, which neither a step of the
//     clock nor a machine that slept brings nearer. An append is given up
//     within seconds; only a process that was frozen for longer than the age
//     between its put and its append could name an object that is gone.
//   - Whether it is named is read from the log, up to where the log ended after
//     the listing, not from a read model.
//   - Objects put under another log (epoch) are left alone: a bucket that has
//     outlived its log waits for the log to be restored.
//
// Two collectors at a time do no harm. A removal that was cut short is
// finished by a later sweep.
type ArtifactCollector struct {
	s        *Store
	age      time.Duration
	named    *namedArtifacts
	suspects map[string]uint64 // revisions that the sweep before found unnamed, by name
}

// Collected says what a sweep removed.
type Collected struct {
	Objects int
	Bytes   uint64 // of payload
}

// NewArtifactCollector returns a collector of objects that have been stored
// for longer than age.
func (s *Store) NewArtifactCollector(age time.Duration) *ArtifactCollector {
	return &ArtifactCollector{s: s, age: age, named: newNamedArtifacts()}
}

// Fold takes in what a tail brought.
func (c *ArtifactCollector) Fold(rs []Record) { c.named.fold(rs) }

// Sweep removes what was collectable at the sweep before and still is. It stops
// before the next removal when may returns false, and then forgets what it had
// found: a node that was not allowed to remove begins anew. Sweep waits until
// Fold has been given the log as it is. The error wraps ErrUnavailable, or is
// the context's; what was removed until then is returned with it.
func (c *ArtifactCollector) Sweep(ctx context.Context, now time.Time, may func() bool) (Collected, error) {
	if !may() {
		c.suspects = nil
		return Collected{}, nil
	}
	old, err := c.list(ctx, now.Add(-c.age))
	if err != nil {
		return Collected{}, fmt.Errorf("list artifacts: %w", err)
	}
	end, err := c.s.LastSeq(ctx)
	if err != nil {
		return Collected{}, err
	}
	if err := c.named.await(ctx, end); err != nil {
		return Collected{}, fmt.Errorf("wait for the events up to %d: %w", end, err)
	}
	before := c.suspects
	c.suspects = map[string]uint64{}
	var done Collected
	var failed error
	for _, e := range old {
		name := e.info.Name
		switch {
		case c.named.has(name):
			continue
		case before[name] != e.revision:
			c.suspects[name] = e.revision
			continue
		case !may():
			c.suspects = nil
			return done, failed
		}
		removed, err := c.s.removeArtifact(ctx, e)
		if err != nil && failed == nil {
			failed = fmt.Errorf("remove artifact %s: %w", name, err)
		}
		if removed {
			done.Objects++
			done.Bytes += e.info.Size
		}
	}
	return done, failed
}

// list returns the entries of this log's objects that were stored before a
// time and that no event is known to name.
func (c *ArtifactCollector) list(ctx context.Context, before time.Time) ([]artifactEntry, error) {
	consumer, err := c.s.js.CreateConsumer(ctx, artifactStream, jetstream.ConsumerConfig{
		FilterSubject: artifactEntries + ">", DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckNonePolicy,
		MaxDeliver: 1, MemoryStorage: true, Replicas: 1, InactiveThreshold: listingEnds,
	})
	if err != nil {
		return nil, unavailable(err)
	}
	defer func() {
		_ = c.s.js.DeleteConsumer(context.WithoutCancel(ctx), artifactStream, consumer.CachedInfo().Name) // else it expires
	}()
	var old []artifactEntry
	for {
		entries, err := fetchEntries(consumer)
		if err != nil || len(entries) == 0 {
			return old, err
		}
		for _, e := range entries {
			if !e.stored.Before(before) {
				return old, nil // entries come in the order in which they were written
			}
			if e.info.Metadata[metaEpoch] == c.s.epoch && !c.named.has(e.info.Name) {
				old = append(old, e)
			}
		}
	}
}

// fetchEntries returns the next entries, or none at the end.
func fetchEntries(consumer jetstream.Consumer) ([]artifactEntry, error) {
	batch, err := consumer.FetchNoWait(listBatch)
	if err != nil {
		return nil, unavailable(err)
	}
	var entries []artifactEntry
	for m := range batch.Messages() {
		at, err := m.Metadata()
		if err != nil {
			return nil, fmt.Errorf("entry without a sequence: %w", unavailable(err))
		}
		e := artifactEntry{revision: at.Sequence.Stream, stored: at.Timestamp}
		if json.Unmarshal(m.Data(), &e.info) != nil {
			e.info.Name = "" // not ours: counts as named
		}
		entries = append(entries, e)
	}
	if err := batch.Error(); err != nil && !errors.Is(err, jetstream.ErrNoMessages) {
		return nil, unavailable(err)
	}
	return entries, nil
}
