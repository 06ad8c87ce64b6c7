package api

import (
	"github.com/prometheus/client_golang/prometheus"
)

// health tells Prometheus how log, read models and coordinator do. It reads
// their own figures when it is asked, and keeps none.
type health struct {
	a       *API
	figures []figure
}

// figure is one metric and where its value comes from.
type figure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(s snapshot) float64
}

func newHealth(a *API) *health { return &health{a: a, figures: figures()} }

// Describe tells the names.
func (h *health) Describe(out chan<- *prometheus.Desc) {
	for _, f := range h.figures {
		out <- f.desc
	}
}

// Collect tells the values.
func (h *health) Collect(out chan<- prometheus.Metric) {
	s := snapshot{
		log: h.a.cfg.Store.Stats(), read: h.a.cfg.Projections.Health(), work: h.a.cfg.Coordinator.Health(),
	}
	if h.a.cfg.Archiver != nil {
		s.kept = h.a.cfg.Archiver.State()
	}
	if h.a.cfg.Driller != nil {
		s.test = h.a.cfg.Driller.State()
	}
	for _, f := range h.figures {
		out <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(s))
	}
}

func counter(name, help string, value func(snapshot) uint64) figure {
	return figure{prometheus.NewDesc("mesh_"+name, help, nil, nil), prometheus.CounterValue, func(s snapshot) float64 { return float64(value(s)) }}
}

func gauge(name, help string, value func(snapshot) float64) figure {
	return figure{prometheus.NewDesc("mesh_"+name, help, nil, nil), prometheus.GaugeValue, value}
}

func flag(name, help string, value func(snapshot) bool) figure {
	return gauge(name, help, func(s snapshot) float64 {
		if value(s) {
			return 1
		}
		return 0
	})
}
