package identity

// The built-in roles. They cannot be changed; custom roles stand beside them.
const (
	RoleSuperAdmin   = "super-admin"
	RoleTenantAdmin  = "tenant-admin"
	RolePilotManager = "pilot-manager"
	RoleOperator     = "operator"
	RoleDeveloper    = "developer"
	RoleViewer       = "viewer"
	RoleAuditor      = "auditor"
	RoleAgent        = "agent" // every principal of kind agent holds it
)

// BuiltinRoles returns the built-in roles, the most powerful first.
func BuiltinRoles() []Role {
	reports := []string{"agent.register", "agent.leave", "agent.sleep", "agent.wake", "task.start", "task.progress", "task.complete", "task.fail", "task.return"}
	reads := []string{"agent.read", "artifact.read", "event.read", "task.read", "task.read_own"}
	remembers := []string{"memory.read", "memory.write"}
	curates := []string{"memory.read", "memory.write", "memory.manage"}
	writes := []string{"task.submit", "task.cancel", "task.requeue", "event.publish", "principal.delegate"}
	steers := []string{"agent.drain", "agent.resume", "agent.leave", "agent.sleep", "agent.wake", "task.cancel", "task.requeue"}
	return []Role{
		{Name: RoleSuperAdmin, Description: "everything, in every tenant; held in the default tenant only", Permissions: []string{"*"}},
		{Name: RoleTenantAdmin, Description: "everything within one tenant", Permissions: []string{
			"agent.*", "artifact.*", "credential.*", "event.*", "identity.*", "invitation.*", "memory.*", "policy.*", "principal.*",
			"role.*", "session.*", "task.*",
		}},
		{Name: RolePilotManager, Description: "runs a fleet and its people: agents, tasks, memory, invitations, teams, roles up to one's own", Permissions: join(reads, writes, steers, reports, curates, []string{
			"identity.read", "invitation.issue", "principal.create", "principal.group", "principal.suspend", "principal.resume", "role.grant",
		})},
		{Name: RoleOperator, Description: "keeps it running: steers agents, tasks and memory, and in the default tenant looks after the read models", Permissions: join(reads, steers, curates, []string{
			"archive.*", "projection.*", "system.metrics",
		})},
		{Name: RoleDeveloper, Description: "submits tasks, publishes events, runs agents, remembers", Permissions: join(reads, writes, reports, remembers)},
		{Name: RoleViewer, Description: "sees agents, tasks, events and memory", Permissions: join(reads, []string{"memory.read"})},
		{Name: RoleAuditor, Description: "sees everything, auth events included, and changes nothing", Permissions: join(reads, []string{
			"archive.read", "identity.read", "memory.read_all", "projection.read", "projection.verify", "system.metrics", "tenant.read",
		})},
		{Name: RoleAgent, Description: "acts as one agent: takes its tasks, reports about them, remembers", Permissions: join(reports, remembers, []string{
			"artifact.read", "event.publish", "task.read_own",
		})},
	}
}

func builtin(name string) (Role, bool) {
	for _, r := range BuiltinRoles() {
		if r.Name == name {
			return r, true
		}
	}
	return Role{}, false
}

func join(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
