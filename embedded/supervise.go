package embedded

import (
	"context"
	"time"

	"github.com/hivemesh/hivemesh/embedded/internal/pg"
)

// restartPause is how long a restart that failed is waited for before the next.
const restartPause = 2 * time.Second

// supervise brings the server back whenever it ends without having been
// stopped, on the port that it had. Readers see a pause; nothing is lost,
// since the log is the truth.
func (p *Postgres) supervise(log *pg.Log) {
	defer close(p.supervised)
	for {
		server := p.current()
		select {
		case <-p.stopping.Done():
			return
		case <-server.Exited():
		}
		if !p.restart(log) {
			return
		}
	}
}

// restart tries until the server runs again; it reports false when it was
// told to stop instead.
func (p *Postgres) restart(log *pg.Log) bool {
	if p.stopping.Err() == nil {
		p.log.Warn().Msg("PostgreSQL ended by itself; starting it again")
	}
	for p.stopping.Err() == nil {
		server, err := p.cluster.Start(p.stopping, log)
		if err == nil {
			p.mu.Lock()
			p.server = server
			p.mu.Unlock()
			return true
		}
		p.log.Error().Err(err).Msg("PostgreSQL does not start; trying again")
		t := time.NewTimer(restartPause)
		select {
		case <-t.C:
		case <-p.stopping.Done():
			t.Stop()
		}
	}
	return false
}

// retire ends the supervision, so that the server may end.
func (p *Postgres) retire() *pg.Server {
	p.stop()
	<-p.supervised
	return p.current()
}

func (p *Postgres) current() *pg.Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server
}

// Kill ends the server as a crash would, for good, and frees the directory.
func (p *Postgres) Kill() error {
	return p.release(p.retire().Kill())
}

// Crash ends the server as a crash would and leaves it to be started again.
func (p *Postgres) Crash() error { return p.current().Kill() }

// Stop ends all sessions, stops the server and frees the directory. Close the
// pool first. When ctx ends first the server is killed, which costs a
// recovery at the next start, and ctx's error is returned.
func (p *Postgres) Stop(ctx context.Context) error {
	return p.release(p.retire().Stop(ctx))
}
