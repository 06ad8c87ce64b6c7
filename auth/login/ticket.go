package login

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/domain"
)

// keep keeps a value for pendingLife and returns the ticket that finds it.
func (s *Service) keep(ctx context.Context, kind string, value any) (ticket string, err error) {
	data, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encode login: %w", err)
	}
	ticket = rand.Text()
	if _, err := s.cfg.Pending.Create(ctx, kind+ticket, data); err != nil {
		return "", errPending(err)
	}
	return ticket, nil
}

// spend reads what a ticket finds. Of two who bring it, one gets it.
func (s *Service) spend(ctx context.Context, kind, ticket string, into any) error {
	if len(ticket) != len(rand.Text()) || strings.Trim(ticket, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return errTicket()
	}
	e, err := s.cfg.Pending.Get(ctx, kind+ticket)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return errTicket()
	}
	if err != nil {
		return errPending(err)
	}
	if err := s.cfg.Pending.Delete(ctx, kind+ticket, jetstream.LastRevision(e.Revision())); err != nil {
		return errTicket()
	}
	if err := json.Unmarshal(e.Value(), into); err != nil {
		return fmt.Errorf("decode login: %w", err)
	}
	return nil
}

func errTicket() error {
	return &domain.Error{Kind: domain.Unauthenticated, Code: "oidc_failed", Message: "this browser is not in the middle of a login, or has finished it; begin again"}
}
