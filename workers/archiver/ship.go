package archiver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/eventstore"
)

// errNotLeading ends shipping on a node that leads no more.
var errNotLeading = errors.New("another node leads")

// shipment is one run of shipping, with the archive of the log open.
type shipment struct {
	a         *Archiver
	log       *archive.Log
	pending   []eventstore.Stored
	bytes     int
	since     time.Time
	artifacts uint64 // revision up to which they are shipped
	keys      uint64 // revision that is shipped
	hasKeys   bool
}

// ship follows the log from the end of its archive until something fails, or
// until this node leads no more.
func (a *Archiver) ship(ctx context.Context) error {
	l, err := archive.OpenLog(ctx, a.cfg.Target, a.cfg.Store.Epoch())
	if err != nil {
		return err
	}
	if l.Damage != nil {
		return fmt.Errorf("%w; move the folder of this log away, and all of it is archived anew", l.Damage)
	}
	s := &shipment{a: a, log: l}
	s.report()
	events := make(chan []eventstore.Record)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return a.cfg.Store.Tail(ctx, l.End().Last, eventstore.TailOptions{Name: "archive", Stored: true}, func(rs []eventstore.Record) error {
			select {
			case events <- rs:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	g.Go(func() error { return s.run(ctx, events) })
	if err := g.Wait(); !errors.Is(err, errNotLeading) {
		return err
	}
	return nil
}

func (s *shipment) run(ctx context.Context, events <-chan []eventstore.Record) error {
	tick := time.NewTicker(min(time.Second, s.a.cfg.Every))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case rs := <-events:
			s.take(rs)
		case <-tick.C:
			if !s.a.cfg.Leads() {
				return errNotLeading
			}
		case <-s.a.asked:
		}
		if !s.due() {
			continue
		}
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
}

func (s *shipment) take(rs []eventstore.Record) {
	if len(s.pending) == 0 {
		s.since = s.a.cfg.Now()
	}
	for _, r := range rs {
		s.pending = append(s.pending, *r.Stored)
		s.bytes += r.Stored.Bytes()
	}
	s.a.update(func(st *State) { st.Pending, st.Since = len(s.pending), s.since })
}

// due reports whether what is pending is to be archived now.
func (s *shipment) due() bool {
	if len(s.pending) == 0 {
		return false
	}
	s.a.mu.Lock()
	wanted := s.a.wanted
	s.a.mu.Unlock()
	last := s.pending[len(s.pending)-1].Seq
	return s.bytes >= s.a.cfg.MaxBytes || s.a.cfg.Now().Sub(s.since) >= s.a.cfg.Every ||
		wanted > s.log.End().Last && last >= wanted
}

// flush archives what is pending: first what its events name, then the events.
func (s *shipment) flush(ctx context.Context) error {
	if err := s.shipArtifacts(ctx); err != nil {
		return err
	}
	if err := s.shipKeys(ctx); err != nil {
		return err
	}
	if err := s.log.Append(ctx, s.pending, s.a.cfg.Now()); err != nil {
		return err
	}
	s.pending, s.bytes = nil, 0
	s.report()
	return nil
}

func (s *shipment) shipArtifacts(ctx context.Context) error {
	list, err := s.a.cfg.Store.ArtifactsAfter(ctx, s.artifacts)
	if err != nil {
		return err
	}
	for _, found := range list {
		if err := s.shipArtifact(ctx, found); err != nil {
			return err
		}
		s.artifacts = found.Revision
	}
	return nil
}

func (s *shipment) shipArtifact(ctx context.Context, found eventstore.StoredArtifact) error {
	if has, err := archive.HasArtifact(ctx, s.a.cfg.Target, found.Tenant, found.Digest); has || err != nil {
		return err
	}
	data, err := s.a.cfg.Store.GetArtifact(ctx, found.Tenant, found.Digest)
	if errors.Is(err, eventstore.ErrNotFound) {
		return nil // collected meanwhile: no event names it
	}
	if err != nil {
		return err
	}
	return archive.PutArtifact(ctx, s.a.cfg.Target, archive.Artifact{Tenant: found.Tenant, Digest: found.Digest, MediaType: found.MediaType, Data: data})
}

func (s *shipment) shipKeys(ctx context.Context) error {
	keys, revision, err := s.a.cfg.Keys(ctx)
	if err != nil || s.hasKeys && revision == s.keys {
		return err
	}
	last := s.pending[len(s.pending)-1].Seq
	if err := s.log.PutKeys(ctx, last, keys, s.a.cfg.Recipients); err != nil {
		return err
	}
	s.keys, s.hasKeys = revision, true
	return nil
}

func (s *shipment) report() {
	end, known := s.log.End(), *s.log // what is appended later does not show in it
	s.a.update(func(st *State) {
		st.Active, st.Error, st.Pending, st.Since = true, "", 0, time.Time{}
		st.Archived, st.LastAt, st.SealedAt, st.Segments = end.Last, end.LastAt, end.SealedAt, len(s.log.Seals)
		s.a.log = &known
	})
}
