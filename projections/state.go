package projections

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// The statuses of a read model.
const (
	statusLive       = "live"
	statusBehind     = "behind"     // more than a moment behind the log
	statusRebuilding = "rebuilding" // no generation of this version is live yet
	statusStalled    = "stalled"    // stands still while the log grows
	statusStopped    = "stopped"    // too much is parked, or it was made from another log
)

// stallLimit is how long a checkpoint may stand still while the log grows.
const stallLimit = 30 * time.Second

// behindLimit is the lag from which a read model counts as behind.
const behindLimit = 5 * time.Second

// State is where one read model stands.
type State struct {
	Name       string
	Version    int
	Generation int    // 0 = none is live yet
	Status     string // live, behind, stalled, stopped or rebuilding
	Seq        uint64
	Lag        uint64        // events behind the log
	LagTime    time.Duration // age of the next unread event
	Parked     int64         // events, with those that wait behind others
	Progress   *Progress     // of a rebuild or verification under way
	Error      string        // why it stands still

	refused bool // it was made from another log
}

// Health is the state of all read models as this node last saw it.
type Health struct {
	Connected  bool // to Postgres
	Owner      bool // this node feeds the live lane
	Seq        uint64
	Lag        uint64        // events; of the read model that is furthest behind
	LagTime    time.Duration // age of the next unread event
	Stalled    bool
	Parked     int64
	Rebuilding bool
	Error      string // the first one
}

// Health tells the state from memory, at most about a second old.
func (p *Projections) Health() Health {
	v := &p.view
	v.mu.Lock()
	defer v.mu.Unlock()
	h := Health{Connected: v.connected, Owner: v.owned > 0, Error: cmp.Or(v.down, v.trouble())}
	for i, s := range v.states {
		if i == 0 || s.Seq < h.Seq {
			h.Seq = s.Seq
		}
		h.Parked += s.Parked
		h.LagTime = max(h.LagTime, s.LagTime)
		h.Stalled = h.Stalled || s.Status == statusStalled
		h.Rebuilding = h.Rebuilding || s.Progress != nil || s.Status == statusRebuilding
		if h.Error == "" {
			h.Error = s.Error
		}
	}
	if v.last > h.Seq {
		h.Lag = v.last - h.Seq
	}
	return h
}

// States looks at every read model now. It is Unavailable without Postgres.
func (p *Projections) States(ctx context.Context) ([]State, error) {
	if !p.prepared.Load() {
		return nil, p.reachable(errDown)
	}
	if err := p.look(ctx); err != nil {
		return nil, p.reachable(err)
	}
	p.view.mu.Lock()
	defer p.view.mu.Unlock()
	return append([]State(nil), p.view.states...), nil
}

// look reads the control tables and the end of the log into the view.
func (p *Projections) look(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, acquireLimit)
	defer cancel()
	last, err := p.cfg.Store.LastSeq(limited)
	if err != nil {
		return err
	}
	states := make([]State, 0, len(p.defs))
	for _, d := range p.defs {
		s, err := p.state(limited, d, last)
		if err != nil {
			return err
		}
		states = append(states, s)
	}
	p.view.seen(states, last)
	return nil
}

const stateQuery = `SELECT coalesce(l.generation, 0), coalesce(c.seq, 0), coalesce(c.error, ''), coalesce(c.refused, false),
		(SELECT count(*) FROM projection_parked k WHERE k.name = n.name AND k.version = n.version AND k.generation = l.generation),
		coalesce(b.generation, 0), coalesce(b.seq, 0), coalesce(extract(epoch FROM clock_timestamp() - b.created_at), 0)::float8
	FROM (SELECT $1::text AS name, $2::int AS version) n
	LEFT JOIN projection_live l ON l.name = n.name AND l.version = n.version
	LEFT JOIN projection_checkpoint c ON c.name = n.name AND c.version = n.version AND c.generation = l.generation
	LEFT JOIN projection_checkpoint b ON b.name = n.name AND b.version = n.version AND b.generation > coalesce(l.generation, 0) AND b.as_of = 0
	ORDER BY b.generation DESC LIMIT 1`

func (p *Projections) state(ctx context.Context, d definition, last uint64) (State, error) {
	s := State{Name: d.name, Version: d.version}
	var next int
	var done uint64
	var took float64
	err := p.cfg.Pool.QueryRow(ctx, stateQuery, d.name, d.version).
		Scan(&s.Generation, &s.Seq, &s.Error, &s.refused, &s.Parked, &next, &done, &took)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return s, err
	}
	if next > 0 {
		b := progressOf(next, done, last, time.Duration(took*float64(time.Second)))
		s.Progress = &b
	}
	if last > s.Seq {
		s.Lag = last - s.Seq
		s.LagTime = p.age(ctx, s.Seq+1)
	}
	s.Status = p.status(s)
	return s, nil
}

// age is how long ago event seq happened; 0 when it cannot be read.
func (p *Projections) age(ctx context.Context, seq uint64) time.Duration {
	r, err := p.cfg.Store.Get(ctx, seq)
	if err != nil {
		return 0
	}
	return max(0, p.cfg.Now().Sub(r.Time))
}

func (p *Projections) status(s State) string {
	v := &p.view
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.moved == nil {
		v.moved = map[string]move{}
	}
	m, now := v.moved[s.Name], p.cfg.Now()
	if m.at.IsZero() || m.seq != s.Seq || s.Lag == 0 {
		m = move{s.Seq, now}
		v.moved[s.Name] = m
	}
	switch {
	case s.Error != "":
		return statusStopped
	case s.Generation == 0:
		return statusRebuilding
	case now.Sub(m.at) >= stallLimit:
		return statusStalled
	case s.LagTime > behindLimit:
		return statusBehind
	}
	return statusLive
}
