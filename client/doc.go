// Package client is the Go SDK of Hivemesh: submit tasks and wait for them,
// run an agent, publish and read events. It is the only package of the module
// whose API is promised stable.
//
// Requests that may be repeated are: reads, and commands, which carry a key or
// an id of their own. Everything else is sent once.
//
// What an agent (RunAgent) may rely on, and what becomes of it:
//
//	message lost on its way      told again by the mesh, or fetched after a reconnect
//	message told twice           known by task and attempt, done once
//	told by an old leader        handed back; costs no attempt
//	more than it has room for    handed back; costs no attempt
//	connection lost              work goes on; reports are repeated until the mesh answers
//	silent for three heartbeats  counts as lost: its work goes elsewhere, and late results are refused
//	task cancelled or expired    the handler's context ends
//	handler panics               the attempt fails
//	agent ends                   running work may finish within DrainTimeout, else it is handed back
//
// Heartbeats are sent by the loop that receives messages, so an agent that is
// deaf counts as dead.
package client
