// Package bench measures the mesh, each figure beside its substrate in the
// same run: raw NATS, raw Postgres, a bare loop. Machines are noisy, so a
// figure is the median of several runs and what counts is the ratio.
package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Figure is one measured value.
type Figure struct {
	Name        string  `json:"name"`
	Value       float64 `json:"value"` // median of the runs
	Unit        string  `json:"unit"`
	SubstrateOf string  `json:"substrate_name,omitempty"`
	Substrate   float64 `json:"substrate,omitempty"` // the same without the mesh, in the same unit
	Ratio       float64 `json:"ratio,omitempty"`     // Value / Substrate
	Runs        int     `json:"runs"`
	Spread      float64 `json:"spread"` // (max − min) / median of the runs
}

// Mesh is a running mesh to measure from outside.
type Mesh struct {
	URL, Token string
	PID        int
	Dir        string // its data directory
	PG         string // its Postgres, for a peer on the same server
	Stop       func() error
	Restart    func(context.Context) error // on the same data and addresses
}

// Options say what to measure and how.
type Options struct {
	Names     []string // benchmarks to run; none = all
	Runs      int      // default 5
	Items     []int    // sizes of memory; default 1,000 and 10,000
	Decisions int      // in the log that is restored; a decision is one event, mostly; default 200,000
	Dir       string   // scratch directory
	Peers     string   // source of the peer program; "" leaves the peer out
	Report    func(Figure)
	Progress  func(string)
	// StartMesh starts a mesh of its own process on an empty data directory.
	StartMesh func(ctx context.Context, dir string) (*Mesh, error)
	// Self starts another process of this program, for load from outside.
	Self func(ctx context.Context, args ...string) (output []byte, err error)
}

// benchmark is one entry of the table of contents.
type benchmark struct {
	name string
	run  func(context.Context, Options) error
}

func all() []benchmark {
	return []benchmark{
		{"startup", startup},
		{"append", appends},
		{"projection", projection},
		{"latency", latency},
		{"lifecycle", lifecycle},
		{"burndown", burndown},
		{"agents", agents},
		{"auth", authentication},
		{"memory", memories},
		{"retrieval", retrieval},
		{"recovery", recoveries},
	}
}

// Names lists the benchmarks in the order in which they run.
func Names() []string {
	names := make([]string, 0, len(all()))
	for _, b := range all() {
		names = append(names, b.name)
	}
	return names
}

// Run runs the benchmarks that were asked for. It fails on a name that does
// not exist, and when something that was measured went wrong.
func Run(ctx context.Context, o Options) error {
	if o.Runs == 0 {
		o.Runs = 5
	}
	for _, name := range o.Names {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("there is no benchmark %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	for _, b := range all() {
		if len(o.Names) > 0 && !slices.Contains(o.Names, b.name) {
			continue
		}
		o.Progress("bench " + b.name)
		if err := b.run(ctx, o); err != nil {
			return fmt.Errorf("bench %s: %w", b.name, err)
		}
	}
	return nil
}

// sample is the values of one figure over the runs.
type sample []float64

func (s sample) median() float64 { return s.at(0.5) }

// at returns the q-quantile, 0 for an empty sample.
func (s sample) at(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// figure sums up a sample, beside that of its substrate if there is one.
func figure(name, unit string, s sample, of string, substrate sample) Figure {
	f := Figure{Name: name, Unit: unit, Value: s.median(), Runs: len(s), SubstrateOf: of, Substrate: substrate.median()}
	if f.Value != 0 {
		f.Spread = (slices.Max(s) - slices.Min(s)) / f.Value
	}
	if f.Substrate != 0 {
		f.Ratio = f.Value / f.Substrate
	}
	return f
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func perSecond(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }
