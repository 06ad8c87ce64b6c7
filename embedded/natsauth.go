package embedded

import "github.com/nats-io/nats-server/v2/server"

const (
	meshUser  = "mesh"
	agentUser = "agent"
)

// natsUsers returns the two users. The mesh may do everything; agents may
// neither write the log nor call JetStream, since only what is listed is
// allowed to them.
func natsUsers(meshPassword, agentPassword string) []*server.User {
	return []*server.User{
		{Username: meshUser, Password: meshPassword},
		{Username: agentUser, Password: agentPassword, Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{"cmd.>", "hb.>", "sig.>", "_INBOX.>"}},
			Subscribe: &server.SubjectPermission{Allow: []string{"agent.>", "sig.>", "_INBOX.>"}},
		}},
	}
}
