package eventstore

import (
	"context"
	"fmt"
)

// Durability is what can be seen from a client about how safe an acknowledged
// event is.
type Durability struct {
	Server   string // version of the server connected to
	Replicas int    // copies of the log
	Peers    int    // servers that hold a copy now and are up to date, the leader included
}

// String says in one sentence what is seen, and what cannot be seen.
func (d Durability) String() string {
	return fmt.Sprintf("nats-server %s keeps %d copies of the log, %d of them up to date; whether each write is synced to disk cannot be seen by a client",
		d.Server, d.Replicas, d.Peers)
}

// Durability asks the stream's leader. Whether servers sync each write
// (sync_interval: always) is known only to whoever configured them. The error
// wraps ErrUnavailable.
func (s *Store) Durability(ctx context.Context) (Durability, error) {
	info, err := s.info(ctx)
	if err != nil {
		return Durability{}, err
	}
	d := Durability{Server: s.nc.ConnectedServerVersion(), Replicas: info.Config.Replicas, Peers: 1}
	if info.Cluster != nil {
		for _, p := range info.Cluster.Replicas {
			if p.Current && !p.Offline {
				d.Peers++
			}
		}
	}
	return d, nil
}
