package client

import "strings"

// Headers of NATS requests and answers.
const (
	HeaderToken = "Mesh-Token" // on a request: the credential
	HeaderError = "Mesh-Error" // on an answer that is a Problem: its HTTP status
)

// Headers of HTTP requests and answers, beside the standard ones. The first
// two are understood on NATS requests as well.
const (
	HeaderKey         = "Idempotency-Key"
	HeaderCorrelation = "X-Correlation-ID"
	HeaderRequest     = "X-Request-ID"
	HeaderPosition    = "X-Projection-Position"
	HeaderLag         = "X-Projection-Lag"
	HeaderAt          = "Mesh-At" // see Config.At
)

// CommandSubject is where a principal sends a request for verb, such as
// "task.submit". A server that knows its connections lets each write to the
// subjects of its own principal only, and so vouches for who asks.
func CommandSubject(tenant, principal, verb string) string {
	return "cmd." + tenant + "." + principal + "." + verb
}

// HeartbeatSubject is where the principal of an agent publishes its heartbeats,
// which name the agent: under the commands, since the server keeps half a
// kilobyte a connection for each part of a further subject.
func HeartbeatSubject(tenant, principal string) string {
	return "cmd." + tenant + "." + principal + ".beat"
}

// ProgressSubject is where the progress of a task is told to whoever listens.
func ProgressSubject(tenant, task string) string { return "sig." + tenant + ".progress." + task }

// InboxSubject is where an agent listens for Inbox messages.
func InboxSubject(tenant, agent string) string { return "agent." + tenant + "." + agent + ".inbox" }

// Subjects that a node of the mesh listens on.
const (
	AllCommands   = "cmd.*.*.*.*"
	AllHeartbeats = "cmd.*.*.beat"
	QueueGroup    = "mesh" // one node answers a command
)

// AgentConnection begins the name of an agent's connection to NATS; the agent's
// id follows.
const AgentConnection = "agent "

// InboxPrefix is where the answers to a principal's requests come to.
func InboxPrefix(tenant, principal string) string { return "_INBOX." + tenant + "-" + principal }

// SplitCommand takes a command's subject apart; ok is false when it is not one.
func SplitCommand(subject string) (tenant, principal, verb string, ok bool) {
	rest, found := strings.CutPrefix(subject, "cmd.")
	tenant, rest, whose := strings.Cut(rest, ".")
	principal, verb, what := strings.Cut(rest, ".")
	return tenant, principal, verb, found && whose && what
}

// SplitHeartbeat takes a heartbeat's subject apart; ok is false when it is not one.
func SplitHeartbeat(subject string) (tenant, principal string, ok bool) {
	tenant, principal, verb, ok := SplitCommand(subject)
	return tenant, principal, ok && verb == "beat"
}
