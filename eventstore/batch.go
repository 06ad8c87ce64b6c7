package eventstore

import (
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// batch is a group of jobs that goes out as one atomic batch, in two parts.
// With one replica the server makes a staging store on its disk when a batch's
// first message comes, which costs more than all else (nats-server 2.15). So
// the first part opens the batch, and what gathers until the server confirms
// that it is open goes with the second part, which commits.
type batch struct {
	count int                 // messages claimed
	bytes int                 // of them, at most
	used  map[string]struct{} // subjects
	reply string
	open  bool      // confirmed by the server
	sent  int       // messages published
	rest  []message // to be published
}

// message is one event of a job.
type message struct {
	j *job
	t *target
	i int
}

func newBatch() *batch { return &batch{used: map[string]struct{}{}} }

// add appends the messages of jobs to what is to be published.
func (b *batch) add(jobs []*job) {
	for _, j := range jobs {
		for w := range j.writes {
			t := &j.writes[w]
			for i := t.from; i < t.to; i++ {
				b.rest = append(b.rest, message{j, t, i})
			}
		}
	}
}

// sendBatch publishes the first part of a batch: all of jobs but the last
// message. Its first message asks for an answer.
func (c *committer) sendBatch(jobs []*job, b *batch) {
	c.s.stats.groups.Add(1)
	c.wary = max(c.wary-1, 0)
	c.batch = b
	b.reply = c.takeOff(&flight{jobs: jobs, batch: b})
	b.add(jobs)
	c.headers.set(hBatch, nuid.Next())
	c.headers.set(hBatchCommit, "")
	c.publishPart(len(b.rest) - 1)
}

// opened publishes the second part: what was held back of the first one, and
// what has gathered since. The last message commits.
func (c *committer) opened(f *flight) {
	b := f.batch
	b.open = true
	c.mu.Lock()
	more := c.gather(b)
	c.mu.Unlock()
	more = c.holdBack(more)
	f.jobs = append(f.jobs, more...)
	b.add(more)
	f.count = b.sent + len(b.rest)
	if c.publishPart(len(b.rest) - 1) {
		c.headers.set(hBatchCommit, "1")
		c.publishPart(1)
	}
}

// publishPart publishes n of the batch's messages. When it cannot, the fate of
// the batch is looked up, and it returns false.
func (c *committer) publishPart(n int) bool {
	b := c.batch
	for _, m := range b.rest[:n] {
		b.sent++
		c.headers.set(hBatchSeq, strconv.Itoa(b.sent))
		to := ""
		if b.sent == 1 || b.open && len(b.rest) == 1 {
			to = b.reply
		}
		if err := c.publish(m.j, m.t, m.i, to); err != nil {
			f := c.flights[c.token]
			c.land(c.token)
			c.unknown(f, err)
			return false
		}
	}
	b.rest = b.rest[n:]
	return true
}

// isOpened says that an answer confirms a batch's first message.
func isOpened(f *flight, m *nats.Msg) bool {
	return f.batch != nil && !f.batch.open && len(m.Data) == 0 && first(m.Header, "Status") == ""
}
