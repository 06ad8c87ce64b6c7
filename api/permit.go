package api

import (
	"context"
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Access says who may use an operation.
type Access struct {
	Open    bool     // everybody, without a credential
	Any     []string // actions of which one must be permitted
	Decided bool     // by the command that it carries out, which knows what it is about
}

// reads is the access of an operation that asks for one of some permissions.
func reads(actions ...string) Access { return Access{Any: actions} }

// does is the access of an operation that carries out a command.
func does(action string) Access { return Access{Any: []string{action}, Decided: true} }

// Accesses returns who may use which operation of HTTP, by the operation's id.
// An operation that is not in it answers nobody.
func Accesses() map[string]Access {
	all := workAccesses()
	maps.Copy(all, memoryAccesses())
	maps.Copy(all, identityAccesses())
	return all
}

// workAccesses is about agents, tasks, events and read models.
func workAccesses() map[string]Access {
	return map[string]Access{
		"healthz": {Open: true},
		"readyz":  {Open: true},
		"version": reads(identity.ActionKnown),

		"list-tasks":   reads("task.read", "task.read_own"),
		"get-task":     reads("task.read", "task.read_own"),
		"why-task":     reads("task.read", "task.read_own"),
		"task-events":  reads("task.read", "task.read_own"),
		"counts":       reads("task.read"),
		"get-artifact": reads("artifact.read"),

		"task-submit":       does("task.submit"),
		"task-submit_batch": does("task.submit"),
		"task-cancel":       does("task.cancel"),
		"task-requeue":      does("task.requeue"),
		"task-start":        does("task.start"),
		"task-progress":     does("task.progress"),
		"task-complete":     does("task.complete"),
		"task-fail":         does("task.fail"),
		"task-return":       does("task.return"),

		"list-agents":     reads("agent.read"),
		"get-agent":       reads("agent.read"),
		"poll-agent":      does("agent.register"),
		"agent-heartbeat": does("agent.register"),
		"agent-register":  does("agent.register"),
		"agent-drain":     does("agent.drain"),
		"agent-resume":    does("agent.resume"),
		"agent-leave":     does("agent.leave"),
		"agent-sleep":     does("agent.sleep"),
		"agent-wake":      does("agent.wake"),

		"feed":           reads("event.read"),
		"list-events":    reads("event.read"),
		"get-event":      reads("event.read"),
		"publish-events": does("event.publish"),

		"list-projections":   reads("projection.read"),
		"list-parked":        reads("projection.read"),
		"retry-projection":   does("projection.retry"),
		"skip-projection":    does("projection.skip"),
		"rebuild-projection": does("projection.rebuild"),
		"verify-projection":  reads("projection.verify"),

		"archive-state": reads("archive.read"),
		"archive-flush": reads("archive.flush"),
		"archive-scrub": reads("archive.flush"),
	}
}

// memoryAccesses is about what is remembered. Which items, their scope says.
func memoryAccesses() map[string]Access {
	return map[string]Access{
		"list-memory":         reads("memory.read", "memory.read_all"),
		"get-memory":          reads("memory.read", "memory.read_all"),
		"search-memory":       reads("memory.read", "memory.read_all"),
		"search-memory-batch": reads("memory.read", "memory.read_all"),
		"pack-memory":         reads("memory.read", "memory.read_all"),
		"memory-stats":        reads("memory.read", "memory.read_all"),
		"list-documents":      reads("memory.read", "memory.read_all"),

		"memory-remember":       does("memory.write"),
		"memory-remember_batch": does("memory.write"),
		"memory-supersede":      does("memory.write"),
		"memory-correct":        does("memory.write"),
		"memory-forget":         does("memory.write"),
		"memory-restore":        does("memory.write"),
		"memory-reinforce":      does("memory.read"),
		"document-import":       does("memory.write"),
		"document-forget":       does("memory.write"),
	}
}

// identityAccesses is about who may act, and the ways in.
func identityAccesses() map[string]Access {
	return map[string]Access{
		"jwks":              {Open: true},
		"auth-login":        {Open: true},
		"auth-refresh":      {Open: true},
		"auth-logout":       {Open: true},
		"auth-assertion":    {Open: true},
		"auth-accept":       {Open: true},
		"auth-device":       {Open: true},
		"auth-device-token": {Open: true},
		"list-providers":    {Open: true}, // their names
		"oidc-start":        {Open: true},
		"oidc-callback":     {Open: true}, // with the ticket of the browser, and what the provider says
		"oidc-consent":      {Open: true}, // with the ticket of a person who has just logged in

		"auth-passkeys-login-begin":     {Open: true},
		"auth-passkeys-login-finish":    {Open: true},
		"auth-passkeys-register-begin":  reads(identity.ActionOwn),
		"auth-passkeys-register-finish": reads(identity.ActionOwn),

		"auth-exchange":       reads(identity.ActionKnown), // with the limits of the credential
		"auth-delegate":       does("principal.delegate"),
		"auth-device-approve": reads(identity.ActionOwn),
		"auth-password":       reads(identity.ActionOwn),
		"auth-totp":           reads(identity.ActionOwn),
		"auth-totp-confirm":   reads(identity.ActionOwn),
		"auth-totp-remove":    reads(identity.ActionOwn),
		"auth-recovery-codes": reads(identity.ActionOwn),

		"whoami":       reads(identity.ActionKnown),
		"can-i":        reads(identity.ActionKnown),
		"list-actions": reads(identity.ActionKnown),

		"list-tenants":        reads("tenant.read"),
		"create-tenant":       does("tenant.create"),
		"suspend-tenant":      does("tenant.suspend"),
		"resume-tenant":       does("tenant.resume"),
		"list-roles":          reads(identity.ActionKnown),
		"define-role":         does("role.define"),
		"remove-role":         does("role.define"),
		"list-policies":       reads("identity.read"),
		"set-policy":          does("policy.manage"),
		"remove-policy":       does("policy.manage"),
		"rotate-signing-keys": does("key.rotate"),

		"list-principals":         reads("identity.read"),
		"get-principal":           reads(identity.ActionKnown), // everybody oneself
		"create-principal":        does("principal.create"),
		"principal-suspend":       does("principal.suspend"),
		"principal-teams":         does("principal.group"),
		"principal-resume":        does("principal.resume"),
		"principal-revoke-tokens": does("session.end"),
		"principal-grant":         does("role.grant"),
		"principal-revoke":        does("role.grant"),
		"principal-keys":          does("credential.manage"),
		"principal-accounts":      does("credential.manage"),
		"rotate-key":              does("credential.manage"),
		"remove-credential":       does("credential.manage"),
		"end-session":             does("session.end"),
		"list-invitations":        reads("invitation.issue"),
		"invite":                  does("invitation.issue"),
		"revoke-invitation":       does("invitation.issue"),

		"test-policies": reads("policy.manage", "identity.read"),
	}
}

// permit is the middleware that holds every operation against its access.
func (a *API) permit() func(huma.Context, func(huma.Context)) {
	accesses := Accesses()
	return func(hc huma.Context, next func(huma.Context)) {
		access, known := accesses[hc.Operation().OperationID]
		c := callerOf(hc.Context())
		var err error
		switch {
		case !known:
			err = &domain.Error{Kind: domain.Denied, Code: "denied", Message: "nobody may do this"}
		case !access.Open && !access.Decided:
			err = a.allow(c, access.Any...)
		}
		if err != nil {
			_, w := humago.Unwrap(hc)
			tell(a.cfg.Log, c.request, err).write(w)
			return
		}
		next(hc)
	}
}

// allow refuses a caller that may do none of the actions.
func (a *API) allow(c caller, actions ...string) error {
	if slices.ContainsFunc(actions[1:], func(action string) bool { return a.may(c, action) }) {
		return nil
	}
	return a.cfg.Commands.Authorise(c.actor, actions[0], identity.Resource{})
}

// may reports whether a caller may do an action, and leaves no trace of the
// question: for what an answer shows, not for whether there is one.
func (a *API) may(c caller, action string) bool {
	return a.cfg.Commands.Decide(c.actor, action, identity.Resource{}).Allowed
}

// mayTask refuses a task that a caller may not see: one that may see its own
// tasks only sees those that it holds or held.
func (a *API) mayTask(ctx context.Context, c caller, id string) error {
	if a.may(c, "task.read") {
		return nil
	}
	t, err := a.cfg.Projections.Task(ctx, c.actor.Tenant, id, 0)
	if err != nil {
		return err
	}
	if !held(t, c.actor.ID) {
		return errNoTask()
	}
	return nil
}

// asAgent refuses a caller that may not act as an agent.
func (a *API) asAgent(ctx context.Context, c caller, id string) error {
	return a.cfg.Commands.Authorise(c.actor, "agent.register", a.cfg.Commands.AboutAgent(ctx, c.actor, id))
}
