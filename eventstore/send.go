package eventstore

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"

	"github.com/nats-io/nats.go"
)

// Headers that the server acts on.
const (
	hExpect      = "Nats-Expected-Last-Subject-Sequence"
	hBatch       = "Nats-Batch-Id"
	hBatchSeq    = "Nats-Batch-Sequence"
	hBatchCommit = "Nats-Batch-Commit"
)

// Error codes of the server that the committer tells apart.
const (
	codeWrongLast         = 10071 // the expectation is stale
	codeWrongLastInFlight = 10164 // another write to the subject is in flight
	codeStoreFailed       = 10077 // disk full, MaxBytes reached, write error
	codeNoStorage         = 10047
	codeServerFull        = 10023 // the server's limit for all streams is reached
	codeAccountFull       = 10002 // the account's limit is reached
	codeTooLong           = 10054 // over the stream's or server's message size
	codeBatchTooLarge     = 10199
)

func formatToken(n uint64) string { return strconv.FormatUint(n, 36) }

// sendPlain publishes a job of one event.
func (c *committer) sendPlain(j *job) {
	c.s.stats.plain.Add(1)
	reply := c.takeOff(&flight{jobs: []*job{j}, count: 1})
	for _, key := range [...]string{hBatch, hBatchSeq, hBatchCommit} {
		c.headers.set(key, "")
	}
	if err := c.publish(j, &j.writes[0], 0, reply); err != nil {
		f := c.flights[c.token]
		c.land(c.token)
		c.unknown(f, err)
	}
}

// publish sends record i of a job; the first one of each write carries the
// expectation.
func (c *committer) publish(j *job, t *target, i int, reply string) error {
	r := &j.records[i]
	c.headers.envelope(r, j.when)
	expect := ""
	if i == t.from {
		expect = strconv.FormatUint(t.expect, 10)
	}
	c.headers.set(hExpect, expect)
	return c.s.nc.PublishMsg(&nats.Msg{Subject: t.subject, Reply: reply, Header: c.headers.h, Data: r.Data})
}

// ack is the server's answer to a publish or a batch.
type ack struct {
	Seq   uint64 `json:"seq"`
	Count int    `json:"count"`
	Error *struct {
		Code    int    `json:"code"`
		ErrCode int    `json:"err_code"`
		Text    string `json:"description"`
	} `json:"error"`
}

// receive handles one answer; late ones are dropped.
func (c *committer) receive(m *nats.Msg) {
	token, err := strconv.ParseUint(m.Subject[len(c.inbox):], 36, 64)
	f := c.flights[token]
	if err != nil || f == nil {
		return
	}
	if isOpened(f, m) {
		c.opened(f)
		return
	}
	c.land(token)
	var a ack
	if status := first(m.Header, "Status"); status != "" {
		c.unknown(f, fmt.Errorf("status %s", status))
		return
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		c.unknown(f, fmt.Errorf("unreadable answer: %w", err))
		return
	}
	if a.Error != nil {
		c.rejected(f, a.Error.ErrCode, a.Error.Text)
		return
	}
	if a.Seq < uint64(f.count) || a.Count != 0 && a.Count != f.count {
		c.unknown(f, fmt.Errorf("answer for %d messages ending at %d", a.Count, a.Seq))
		return
	}
	c.stored(f, a.Seq)
	if f.count > maxPlain {
		runtime.Gosched() // let the callers just answered bring their next decisions
	}
}

// stored answers the jobs of a flight whose last message is at sequence last;
// the messages before it hold the sequences before that one.
func (c *committer) stored(f *flight, last uint64) {
	c.s.noteSeen(last)
	seq := last - uint64(f.count)
	for _, j := range f.jobs {
		bytes := 0
		for i := range j.records {
			seq++
			j.records[i].Seq = seq
			bytes += len(j.records[i].Data)
		}
		for _, t := range j.writes {
			c.recent.put(t.subject, j.records[t.to-1].Seq)
		}
		c.s.stats.decisions.Add(1)
		c.s.stats.appended.Add(uint64(len(j.records)))
		c.s.stats.bytes.Add(uint64(bytes))
		c.finish(j, Receipt{Records: j.records}, nil)
	}
}
