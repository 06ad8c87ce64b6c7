package embedded

import "github.com/nats-io/nats-server/v2/server"

const (
	meshUser  = "mesh"
	agentUser = "agent"
)

// meshInbox is where the mesh listens to answers. Agents may not: what JetStream
// answers is the log.
const meshInbox = "_MESH"

// natsUsers returns the two users. The mesh may do everything; agents may
// neither write the log nor call JetStream, since only what is listed is
// allowed to them. The server keeps the list once a connection (some 0.8 KB an
// entry), so it holds what agents use and no more.
func natsUsers(meshPassword, agentPassword string) []*server.User {
	return []*server.User{
		{Username: meshUser, Password: meshPassword},
		{Username: agentUser, Password: agentPassword, Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{"cmd.>", "hb.>"}},
			Subscribe: &server.SubjectPermission{Allow: []string{"agent.>", "sig.>", "_INBOX.>"}},
		}},
	}
}
