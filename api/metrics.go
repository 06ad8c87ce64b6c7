package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hivemesh/hivemesh/domain"
)

// metrics counts what this node answers.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	nats     *prometheus.HistogramVec
	feeds    prometheus.Gauge
	fed      prometheus.Counter
}

// seconds are the upper bounds of latency histograms.
func seconds() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
}

func newMetrics(a *API) *metrics {
	m := &metrics{
		registry: a.cfg.Metrics,
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mesh_http_request_seconds", Help: "HTTP requests by route and status.", Buckets: seconds(),
		}, []string{"route", "status"}),
		nats: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mesh_nats_request_seconds", Help: "NATS requests by command and outcome (ok or an HTTP status).", Buckets: seconds(),
		}, []string{"command", "outcome"}),
		feeds: prometheus.NewGauge(prometheus.GaugeOpts{Name: "mesh_feeds", Help: "Open live feeds."}),
		fed:   prometheus.NewCounter(prometheus.CounterOpts{Name: "mesh_feed_events_total", Help: "Events written to live feeds."}),
	}
	if m.registry != nil {
		m.registry.MustRegister(m.requests, m.nats, m.feeds, m.fed, newHealth(a))
	}
	return m
}

func (m *metrics) handler() http.Handler {
	if m.registry == nil {
		return http.NotFoundHandler()
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) httpRequest(pattern string, status int, took time.Duration) {
	if pattern == "" {
		pattern = "none" // refused before a route was looked for
	}
	m.requests.WithLabelValues(pattern, strconv.Itoa(status)).Observe(took.Seconds())
}

// natsRequest counts a request; names that are no command count as one.
func (m *metrics) natsRequest(verb string, known map[string]command, outcome string, took time.Duration) {
	if _, ok := known[verb]; !ok {
		verb = "unknown"
	}
	m.nats.WithLabelValues(verb, outcome).Observe(took.Seconds())
}

// CommandMetrics returns what commands.Config.Observe wants: it counts
// commands in reg as mesh_command_seconds, by name and outcome (ok, or the
// code of the refusal).
func CommandMetrics(reg prometheus.Registerer) func(command string, took time.Duration, err error) {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "mesh_command_seconds", Help: "Commands by name and outcome (ok or a code).", Buckets: seconds(),
	}, []string{"command", "outcome"})
	reg.MustRegister(h)
	return func(command string, took time.Duration, err error) {
		outcome := "ok"
		if err != nil {
			outcome = "internal"
			var e *domain.Error
			if errors.As(err, &e) && e.Code != "" {
				outcome = e.Code
			}
		}
		h.WithLabelValues(command, outcome).Observe(took.Seconds())
	}
}
