package eventstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Limits of the committer.
const (
	maxPlain    = 16        // single appends in flight as plain publishes
	maxWaiting  = 100_000   // decisions not answered yet
	maxQueued   = 256 << 20 // bytes of them
	maxRecent   = 200_000   // subjects a generation whose last sequence is remembered
	maxJudges   = 32        // decisions looked up at a time
	waryGroups  = 16        // groups that a refused one makes the committer wary for
	replyBuffer = 4096
)

// committer sends the decisions of all callers, one group at a time. One
// goroutine (run) owns what is in flight; the queue is shared under mu.
// Decisions whose fate must be read from the log are judged aside, and come
// back to the head of the queue when they may still be stored.
type committer struct {
	s       *Store
	headers *headers
	recent  *recent
	inbox   string
	sub     *nats.Subscription
	replies chan *nats.Msg
	status  chan nats.Status
	wake    chan struct{} // capacity 1
	judges  chan struct{} // one slot for each decision looked up at a time
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	queue   []*job
	several int           // jobs in the queue with more than one event
	bytes   int           // of all jobs not answered yet
	waiting int           // all jobs not answered yet
	closing bool          // no more jobs are taken
	stopped bool          // run has returned: nobody serves the queue
	idle    chan struct{} // closed when closing and waiting is 0

	flights map[uint64]*flight // by token; owned by run
	batch   *batch             // the one flight, when it is an atomic batch
	wary    int                // groups whose unknown subjects are looked up before they are sent
	token   uint64             // of the last flight
}

// flight is a publish or a batch that awaits its acknowledgement.
type flight struct {
	jobs  []*job
	count int // messages
	since time.Time
	batch *batch // nil for a plain publish
}

func startCommitter(s *Store) (*committer, error) {
	c := &committer{
		s: s, headers: newHeaders(), recent: newRecent(maxRecent),
		inbox:   s.nc.NewInbox() + ".",
		replies: make(chan *nats.Msg, replyBuffer),
		wake:    make(chan struct{}, 1),
		judges:  make(chan struct{}, maxJudges),
		idle:    make(chan struct{}),
		flights: make(map[uint64]*flight),
	}
	var err error
	if c.sub, err = s.nc.ChanSubscribe(c.inbox+"*", c.replies); err != nil {
		return nil, fmt.Errorf("subscribe to acknowledgements: %w", unavailable(err))
	}
	c.status = s.nc.StatusChanged(nats.DISCONNECTED, nats.RECONNECTING, nats.CONNECTED, nats.CLOSED)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.running.Go(c.run)
	return c, nil
}

// submit queues a job. The error wraps ErrUnavailable.
func (c *committer) submit(j *job) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return fmt.Errorf("append: store is closed: %w", ErrUnavailable)
	}
	if c.waiting >= maxWaiting || c.bytes+j.size > maxQueued {
		return fmt.Errorf("append: %d decisions wait already: %w", c.waiting, ErrUnavailable)
	}
	c.waiting++
	c.bytes += j.size
	c.s.stats.waiting.Add(1)
	c.push(j)
	return nil
}

// push adds a job to the queue's end. The caller holds mu.
func (c *committer) push(j *job) {
	c.queue = append(c.queue, j)
	if !j.plain() {
		c.several++
	}
	c.signal()
}

func (c *committer) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// requeue puts jobs back before all others, so that they go out together.
func (c *committer) requeue(jobs []*job) {
	c.mu.Lock()
	stopped := c.stopped
	if !stopped {
		c.queue = append(jobs, c.queue...)
		for _, j := range jobs {
			if !j.plain() {
				c.several++
			}
		}
		c.signal()
	}
	c.mu.Unlock()
	if stopped {
		c.giveUp(jobs)
	}
}

// finish answers a job. Nobody may use the job afterwards.
func (c *committer) finish(j *job, r Receipt, err error) {
	j.done(r, err)
	c.s.stats.waiting.Add(-1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	c.bytes -= j.size
	if c.closing && c.waiting == 0 {
		close(c.idle)
	}
}

// run is the committer's goroutine.
func (c *committer) run() {
	tick := time.NewTicker(max(c.s.cfg.AckWait/8, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-c.wake:
		case m := <-c.replies:
			c.receive(m)
		case <-tick.C:
			c.expire(c.s.cfg.AckWait)
		case st, ok := <-c.status:
			if ok && st != nats.CONNECTED {
				c.expire(0)
			}
		case <-c.ctx.Done():
			c.expire(0)
			c.abandon()
			return
		}
		c.pump()
	}
}

// expire takes flights that have lasted for age as lost: their jobs are judged.
func (c *committer) expire(age time.Duration) {
	for token, f := range c.flights {
		if time.Since(f.since) >= age {
			c.land(token)
			c.unknown(f, fmt.Errorf("no acknowledgement after %v", time.Since(f.since).Round(time.Millisecond)))
		}
	}
}

// land forgets a flight.
func (c *committer) land(token uint64) {
	delete(c.flights, token)
	c.batch = nil
}

// close waits for all answers, then stops.
func (c *committer) close(ctx context.Context) error {
	c.mu.Lock()
	if !c.closing {
		c.closing = true
		if c.waiting == 0 {
			close(c.idle)
		}
	}
	c.mu.Unlock()
	var err error
	select {
	case <-c.idle:
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.cancel()
	c.running.Wait()
	c.s.nc.RemoveStatusListener(c.status)
	_ = c.sub.Unsubscribe() // fails only when the connection is closed
	return err
}

// abandon answers what is queued when the committer stops.
func (c *committer) abandon() {
	c.mu.Lock()
	jobs := c.queue
	c.queue, c.several, c.stopped = nil, 0, true
	c.mu.Unlock()
	c.giveUp(jobs)
}
