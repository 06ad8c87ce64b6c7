package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/eventstore"
)

var (
	errUnknown = &domain.Error{Kind: domain.NotFound, Code: "projection_not_found", Message: "no such projection"}
	errDown    = &domain.Error{Kind: domain.Unavailable, Code: "postgres_unreachable", Message: "Postgres is not reachable"}
	errFull    = &domain.Error{Kind: domain.Unavailable, Code: "postgres_full", Message: "the disk of Postgres is full"}
	errBuild   = &domain.Error{Kind: domain.Unavailable, Code: "rebuilding", Message: "rebuilding"}
	errRefused = &domain.Error{Kind: domain.Unavailable, Code: "projection_refused", Message: "the read model does not belong to this log"}
	errCursor  = &domain.Error{Kind: domain.Invalid, Code: "invalid_field", Field: "cursor", Message: "the cursor belongs to another query"}
	errBusy    = &domain.Error{Kind: domain.Conflict, Code: "rebuild_running", Message: "this projection is being rebuilt already"}
)

// errFenced says that another owner took the generation over.
var errFenced = errors.New("another owner has taken over")

// poison is an event that cannot be applied because of what it holds.
type poison struct {
	seq uint64
	err error
}

func (e *poison) Error() string { return fmt.Sprintf("event %d: %v", e.seq, e.err) }
func (e *poison) Unwrap() error { return e.err }

// isPoison reports whether err is the data's fault: doing the same again
// cannot help. Everything else is the infrastructure's and never parks.
func isPoison(err error) bool {
	var p *poison
	if errors.As(err, &p) {
		return true
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) != 5 {
		return false
	}
	switch pg.Code[:2] {
	case "21", "22", "23", "54": // cardinality, data, integrity, program limit
		return true
	}
	return false
}

// isGone reports whether a table or schema was dropped under a query.
func isGone(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "3F000")
}

// fenced turns the refusal of projection_advance into errFenced.
func fenced(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "MFENC" {
		return fmt.Errorf("%w: %s", errFenced, pg.Message)
	}
	return err
}

// reachable turns the loss of Postgres into errDown, or into errFull when its
// disk is the cause, and leaves the rest. A server whose disk is full ends, and
// cannot say why any more: then the disk itself is asked.
func (p *Projections) reachable(err error) error {
	err = reachable(err)
	if p.cfg.Room == nil || !errors.Is(err, errDown) {
		return err
	}
	room := p.cfg.Room()
	if room == nil {
		return err
	}
	full := errFull.Sayf("Postgres is not reachable, and its disk is full: %v", room)
	full.Err = err
	return full
}

// reachable is the method's part that needs no look at the disk.
func reachable(err error) error {
	var told *domain.Error
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, eventstore.ErrUnavailable) || errors.As(err, &told) {
		return err
	}
	down := *errDown
	var pg *pgconn.PgError
	if errors.As(err, &pg) && len(pg.Code) == 5 {
		switch {
		case pg.Code == "53100":
			down = *errFull.Sayf("the disk of Postgres is full: %s", pg.Message)
		case pg.Code[:2] == "53": // too many sessions, no memory
			down.Message = "Postgres has run out of something: " + pg.Message
		case pg.Code[:2] == "08", pg.Code[:2] == "57": // connection, shutdown
		default:
			return err
		}
	}
	down.Err = err
	return &down
}
