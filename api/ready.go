package api

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/projections"
)

// readiness looks at every part. A warning does not make the node unready.
func (a *API) readiness(ctx context.Context) client.Readiness {
	checks := append(a.logChecks(), a.readChecks()...)
	if a.cfg.Checks != nil {
		checks = append(checks, a.cfg.Checks(ctx)...)
	}
	out := client.Readiness{Ready: true, Checks: checks}
	for _, c := range checks {
		out.Ready = out.Ready && (c.OK || c.Warn)
	}
	return out
}

// logChecks are about what commands and coordination need.
func (a *API) logChecks() []client.Check {
	coordinator := a.cfg.Coordinator.Health()
	leader := check("leader", coordinator.LeaderNode != "", "no node coordinates at the moment")
	if leader.OK {
		leader.Detail = fmt.Sprintf("%s, term %d", coordinator.LeaderNode, coordinator.Term)
	}
	fold := check("coordinator", coordinator.CaughtUp, fmt.Sprintf("still reading the log, at %d", coordinator.FoldedSeq))
	unknown := check("events", coordinator.ReadOnly == 0, fmt.Sprintf("%d tasks and agents have an event that this binary does not know; they are read-only here", coordinator.ReadOnly))
	unknown.Warn = !unknown.OK
	_, live := a.hub.position()
	return []client.Check{
		check("nats", a.cfg.NATS.Status() == nats.CONNECTED, "not connected: "+a.cfg.NATS.Status().String()),
		a.roomCheck(), leader, fold, unknown,
		check("feeds", live, "live feeds are not served yet"),
	}
}

// roomCheck tells whether the disk of the log takes more.
func (a *API) roomCheck() client.Check {
	var full error
	if a.cfg.Room != nil {
		full = a.cfg.Room()
	}
	return check("log", full == nil, fmt.Sprintf("its disk is full: %v; commands are refused, queries go on", full))
}

// readChecks are about the read models.
func (a *API) readChecks() []client.Check {
	h := a.cfg.Projections.Health()
	checks := []client.Check{check("postgres", h.Connected, "queries answer 503, commands and coordination go on"+reason(h))}
	stands := check("projections", !h.Stalled && h.Error == "", fmt.Sprintf("stand still %d events behind the log%s", h.Lag, reason(h)))
	lag := check("projection_lag", h.LagTime < projectionLagWarn, fmt.Sprintf("%d events, %s behind the log", h.Lag, h.LagTime.Round(projectionLagWarn/10)))
	parked := check("parked", h.Parked == 0, fmt.Sprintf("%d events are parked; see mesh projection parked", h.Parked))
	rebuild := check("rebuilding", !h.Rebuilding, "a read model is being rebuilt")
	stands.Warn = !stands.OK && !h.Stalled
	lag.Warn, parked.Warn, rebuild.Warn = !lag.OK, !parked.OK, !rebuild.OK
	return append(checks, stands, lag, parked, rebuild)
}

// projectionLagWarn is the age of the next unread event from which readiness warns.
const projectionLagWarn = 10 * time.Second

func reason(h projections.Health) string {
	if h.Error == "" {
		return ""
	}
	return " (" + h.Error + ")"
}

// check makes a Check that tells detail only when something is wrong.
func check(name string, ok bool, detail string) client.Check {
	if ok {
		detail = ""
	}
	return client.Check{Name: name, OK: ok, Detail: detail}
}
