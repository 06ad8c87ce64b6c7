package embedded

// SyncsAlways reports whether the running server syncs before it acknowledges.
func (n *NATS) SyncsAlways() bool { return n.srv.JetStreamConfig().SyncAlways }
