package natstest

import (
	"bytes"
	"net"
	"sync"
	"testing"
)

// Proxy passes TCP connections on to a server and can lose what they carry.
type Proxy struct {
	listener net.Listener
	target   string
	all      sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	up, down bool   // what is lost: towards the server, towards the client
	from     []byte // towards the client all is lost from where this comes
	lost     int    // reads that were lost since Lose
	closed   bool
}

// NewProxy passes connections on to target until the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	p := &Proxy{listener: l, target: target, conns: make(map[net.Conn]struct{})}
	p.all.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.Cut()
		p.all.Wait()
	})
	return p
}

// URL is what clients connect to.
func (p *Proxy) URL() string { return "nats://" + p.listener.Addr().String() }

// Lose drops from now on what goes up to the server, down to the client, both
// or none, while the connections stay open.
func (p *Proxy) Lose(up, down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up, p.down, p.from, p.lost = up, down, nil, 0
}

// LoseFrom drops what goes down to the client from the first piece that holds
// text on.
func (p *Proxy) LoseFrom(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up, p.down, p.from, p.lost = false, false, []byte(text), 0
}

// Lost reports whether anything was lost since Lose or LoseFrom.
func (p *Proxy) Lost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost > 0
}

// losesUp and losesDown say whether a piece is lost.
func (p *Proxy) losesUp([]byte) bool { return p.up }

func (p *Proxy) losesDown(piece []byte) bool {
	p.down = p.down || len(p.from) > 0 && bytes.Contains(piece, p.from)
	return p.down
}

// Cut closes all connections; new ones are welcome.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.add(client, server) {
			return
		}
		p.all.Go(func() { p.copy(server, client, p.losesUp) })
		p.all.Go(func() { p.copy(client, server, p.losesDown) })
	}
}

func (p *Proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
		if p.closed {
			_ = c.Close()
		}
	}
	return !p.closed
}

func (p *Proxy) copy(to, from net.Conn, lose func(piece []byte) bool) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, from)
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		drop := lose(buf[:n])
		if drop {
			p.lost++
		}
		p.mu.Unlock()
		if drop {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
