// Package client is the Go SDK of Hivemesh: submit tasks and wait for them,
// run an agent, publish and read events. It is the only package of the module
// whose API is promised stable.
package client
