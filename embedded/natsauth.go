package embedded

import "github.com/nats-io/nats-server/v2/server"

const (
	meshUser  = "mesh"
	authUser  = "mesh-auth" // answers the callout
	agentUser = "agent"
)

// meshInbox is where the mesh listens to answers. Agents may not: what JetStream
// answers is the log.
const meshInbox = "_MESH"

// natsUsers returns the users with a password. The mesh may do everything.
// Without a callout there is the user that agents share; they may neither
// write the log nor call JetStream, since only what is listed is allowed to
// them. The server keeps the list once a connection (some 0.8 KB an entry), so
// it holds what agents use and no more.
func natsUsers(cfg NATSConfig) []*server.User {
	users := []*server.User{{Username: meshUser, Password: cfg.MeshPassword}}
	if cfg.Callout != nil {
		return users
	}
	return append(users, &server.User{Username: agentUser, Password: cfg.AgentPassword, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{"cmd.>"}},
		Subscribe: &server.SubjectPermission{Allow: []string{"agent.>", "sig.>", "_INBOX.>"}},
	}})
}
