package projections_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// benchSetup fills a log with MESH_BENCH_EVENTS decisions (default 50,000)
// before the read models see it. MESH_BENCH_PG names another server to
// measure than the one of the tests, which does not sync.
func benchSetup(b *testing.B) (*bundle, int) {
	b.Helper()
	n := 50_000
	if s := os.Getenv("MESH_BENCH_EVENTS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	url := os.Getenv("MESH_BENCH_PG")
	if url == "" {
		url = embeddedtest.PostgresURL(b)
	}
	s := &bundle{store: newStore(b), pool: newPool(b, url)}
	s.p = s.open(b, s.store)
	begun := time.Now()
	if err := projectionstest.New(1).Append(b.Context(), s.store, n); err != nil {
		b.Fatal(err)
	}
	b.Logf("appended %d decisions in %s", n, time.Since(begun).Round(time.Millisecond))
	return s, n
}

// BenchmarkRebuild measures a rebuild of all read models with all indexes.
func BenchmarkRebuild(b *testing.B) {
	s, n := benchSetup(b)
	b.ResetTimer()
	for b.Loop() {
		if err := s.p.Rebuild(b.Context(), "", nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkCatchUp measures the live lane over a log that has grown meanwhile.
func BenchmarkCatchUp(b *testing.B) {
	for range b.N {
		b.StopTimer()
		s, n := benchSetup(b)
		b.StartTimer()
		begun := time.Now()
		stop := run(b, s.p)
		s.caughtUp(b)
		b.ReportMetric(float64(n)/time.Since(begun).Seconds(), "events/s")
		stop()
	}
}
