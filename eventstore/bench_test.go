package eventstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/hivemesh/hivemesh/eventstore"
)

// payload is an event's data of about 256 bytes.
var payload = fmt.Appendf(nil, `{"note":%q}`, fmt.Sprintf("%0240d", 7))

func benchDecision(e eventstore.Entity, expect uint64, command string) eventstore.Decision {
	d := one(e, expect, command)
	d.Command.Correlation, d.Command.Time = command, time.Now()
	d.Writes[0].Events[0].Data = payload
	return d
}

// BenchmarkAppend appends single events to entities of their own.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 64, 256, 1024} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { benchAppend(b, callers, 0) })
	}
	b.Run("callers=1024/stale=5%", func(b *testing.B) { benchAppend(b, 1024, 20) })
}

// benchAppend lets callers append; with every > 0, each every-th append is made
// on an expectation that is stale.
func benchAppend(b *testing.B, callers, every int) {
	s, _ := setup(b)
	var left, stale atomic.Int64
	left.Store(int64(b.N))
	times := make([][]time.Duration, callers)
	var all sync.WaitGroup
	b.ResetTimer()
	for i := range callers {
		all.Go(func() {
			e, last := newEntity(), uint64(0)
			for n := 1; left.Add(-1) >= 0; n++ {
				expect := last
				if every > 0 && last > 0 && n%every == i%every {
					expect = last - 1
				}
				start := time.Now()
				r, err := s.Append(context.Background(), benchDecision(e, expect, e.ID+strconv.Itoa(n)))
				times[i] = append(times[i], time.Since(start))
				switch {
				case err == nil:
					last = r.Last()
				case expect != last:
					stale.Add(1)
				default:
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	report(b, times)
	b.ReportMetric(float64(stale.Load())/float64(b.N)*100, "%stale")
	if stats := s.Stats(); stats.Groups > 0 {
		b.ReportMetric(float64(stats.Appended-min(stats.Plain, stats.Appended))/float64(stats.Groups), "events/group")
	}
}

func report(b *testing.B, times [][]time.Duration) {
	sorted := slices.Concat(times...)
	slices.Sort(sorted)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(sorted[len(sorted)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(sorted[len(sorted)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkRawPublish publishes plainly, with the same headers and payload.
func BenchmarkRawPublish(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			_, nc := setup(b)
			times := make([][]time.Duration, callers)
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			b.ResetTimer()
			for i := range callers {
				all.Go(func() {
					e, last := newEntity(), uint64(0)
					for left.Add(-1) >= 0 {
						start := time.Now()
						last = rawPublish(b, nc, rawMessage(e, last))
						times[i] = append(times[i], time.Since(start))
					}
				})
			}
			all.Wait()
			report(b, times)
		})
	}
}

func rawMessage(e eventstore.Entity, expect uint64) *nats.Msg {
	subject, _ := e.Subject()
	m := &nats.Msg{Subject: subject, Data: payload}
	m.Header = eventstore.EncodeHeader(eventstore.Record{
		Entity: e, ID: e.ID, Type: "task.noted", Schema: 1, Time: time.Now().UTC(), Source: "/mesh", Actor: "tester",
		Command: e.ID + "1", Correlation: e.ID + "1", Index: 1, Count: 1,
	})
	m.Header["Nats-Expected-Last-Subject-Sequence"] = []string{strconv.FormatUint(expect, 10)}
	return m
}

func rawPublish(b *testing.B, nc *nats.Conn, m *nats.Msg) uint64 {
	r, err := nc.RequestMsg(m, 10*time.Second)
	if err != nil {
		b.Error(err)
		return 0
	}
	var ack struct {
		Seq   uint64          `json:"seq"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(r.Data, &ack); err != nil || ack.Error != nil {
		b.Errorf("%v %s", err, ack.Error)
	}
	return ack.Seq
}

// BenchmarkRawBatch sends atomic batches of 1,000 with the same headers and
// payload, one after the other.
func BenchmarkRawBatch(b *testing.B) {
	_, nc := setup(b)
	const size = 1000
	times := [][]time.Duration{nil}
	b.ResetTimer()
	for sent := 0; sent < b.N; sent += size {
		start := time.Now()
		id := nuid.Next()
		for i := 1; i <= size; i++ {
			m := rawMessage(newEntity(), 0)
			m.Header["Nats-Batch-Id"] = []string{id}
			m.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i)}
			if i < size {
				if err := nc.PublishMsg(m); err != nil {
					b.Fatal(err)
				}
				continue
			}
			m.Header["Nats-Batch-Commit"] = []string{"1"}
			rawPublish(b, nc, m)
		}
		times[0] = append(times[0], time.Since(start))
	}
	report(b, times)
}
