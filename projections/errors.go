package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hivemesh/hivemesh/domain"
)

var (
	errUnknown = &domain.Error{Kind: domain.NotFound, Code: "projection_not_found", Message: "no such projection"}
	errDown    = &domain.Error{Kind: domain.Unavailable, Code: "postgres_unreachable", Message: "Postgres is not reachable"}
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

// reachable turns the loss of Postgres into errDown and leaves the rest.
func reachable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var safe *domain.Error
	if errors.As(err, &safe) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && len(pg.Code) == 5 {
		switch pg.Code[:2] {
		case "08", "53", "57": // connection, resources, shutdown
		default:
			return err
		}
	}
	down := *errDown
	down.Err = err
	if pg != nil && strings.HasPrefix(pg.Code, "53") { // a full disk, too many sessions, no memory
		down.Message = "Postgres has run out of something: " + pg.Message
	}
	return &down
}
