package projections_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// BenchmarkReadModels reports the speed of a rebuild, of the live lane
// catching up, of plain statements writing the same rows, and the lag from an
// append's acknowledgement to a query that sees it.
//
// The log holds MESH_BENCH_EVENTS decisions (default 20,000); MESH_BENCH_PG
// names another server than the one of the tests, which does not sync.
func BenchmarkReadModels(b *testing.B) {
	n := 20_000
	if s := os.Getenv("MESH_BENCH_EVENTS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	url := os.Getenv("MESH_BENCH_PG")
	if url == "" {
		url = embeddedtest.PostgresURL(b)
	}
	m := projectionstest.Bench{Pool: newPool(b, url), Store: newStore(b), Log: zerolog.Nop()}
	if err := projectionstest.New(1).Append(b.Context(), m.Store, n); err != nil {
		b.Fatal(err)
	}
	rate := func(unit string, measure func() (float64, error)) {
		v, err := measure()
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%s: %.0f events/s", unit, v)
		b.ReportMetric(v, unit+"/s")
	}
	for b.Loop() {
		rate("rebuilt", func() (float64, error) { return m.Rebuild(b.Context()) })
		rate("plain", func() (float64, error) { return m.Plain(b.Context()) })
		rate("caught-up", func() (float64, error) { return m.CatchUp(b.Context()) })
		took, err := m.Lag(b.Context(), 500, 10*time.Second)
		if err != nil {
			b.Fatal(err)
		}
		for _, q := range []int{50, 95, 99} {
			v := took[(len(took)-1)*q/100]
			b.Logf("lag p%d: %s", q, v)
			b.ReportMetric(float64(v.Microseconds())/1000, "ms-p"+strconv.Itoa(q))
		}
	}
}
