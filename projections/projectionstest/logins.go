package projectionstest

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// sessionStep starts a session, or goes on with one.
func (h *History) sessionStep(busy map[string]bool) (step, bool) {
	i := &h.identities
	if len(i.sessions) < 5 || h.rng.IntN(3) == 0 && len(i.sessions) < 200 {
		e := &entity[identity.Session]{id: h.id()}
		events, err := e.state.Start(identity.SessionStarted{
			Principal: h.someone(), Client: "mesh-cli", Methods: []string{"pwd", "otp"}, Verifier: h.id(), ExpiresAt: h.now.Add(time.Hour),
		}, h.now)
		if err == nil {
			i.sessions = append(i.sessions, e)
		}
		return identityStep(h, busy, e, identity.Session.Apply, events, err)
	}
	e := i.sessions[h.rng.IntN(len(i.sessions))]
	var events []identity.SessionEvent
	var err error
	switch h.rng.IntN(6) {
	case 0:
		events, err = e.state.End("logged out")
	case 1:
		if !e.state.Ended {
			events = []identity.SessionEvent{identity.ReuseDetected{Source: "elsewhere"}}
		}
	default:
		events, err = e.state.Refresh(e.state.Verifier, h.id(), "somewhere", h.now)
	}
	return identityStep(h, busy, e, identity.Session.Apply, events, err)
}

// invitationStep issues an invitation, or does something with one.
func (h *History) invitationStep(busy map[string]bool) (step, bool) {
	i := &h.identities
	if len(i.invitations) < 3 || h.rng.IntN(3) == 0 && len(i.invitations) < 200 {
		e := &entity[identity.Invitation]{id: h.id()}
		events, err := e.state.Issue(identity.InvitationIssued{
			Kind: domain.Agent, Name: "crawler", Owner: h.someone(), Roles: []string{identity.RoleDeveloper}, Verifier: h.id(), IssuedBy: h.someone(),
			ExpiresAt: h.now.Add(time.Hour),
		}, h.now)
		if err == nil {
			i.invitations = append(i.invitations, e)
		}
		return identityStep(h, busy, e, identity.Invitation.Apply, events, err)
	}
	e := i.invitations[h.rng.IntN(len(i.invitations))]
	if h.rng.IntN(2) == 0 {
		events, err := e.state.Revoke("sent to the wrong one")
		return identityStep(h, busy, e, identity.Invitation.Apply, events, err)
	}
	events, err := e.state.Use(e.state.Verifier, h.someone(), "somewhere", h.now)
	return identityStep(h, busy, e, identity.Invitation.Apply, events, err)
}
