package openai

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/hivemesh/hivemesh/memory/embed"
)

// Embedder asks one endpoint for the vectors of one model. It may be used by
// several goroutines. Close it when done.
type Embedder struct {
	conf     Config
	http     *http.Client
	turns    chan struct{} // one place a request that may run
	requests *rate.Limiter
	tokens   *rate.Limiter
	dims     atomic.Int32 // 0 until known
}

// New returns an embedder, without asking the endpoint anything. It returns
// an error that names the setting when one is wrong.
func New(conf Config) (*Embedder, error) {
	conf = conf.withDefaults()
	if err := conf.check(); err != nil {
		return nil, err
	}
	e := &Embedder{
		conf: conf,
		http: &http.Client{
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				ForceAttemptHTTP2:   true,
				MaxIdleConnsPerHost: conf.MaxConcurrent,
				IdleConnTimeout:     90 * time.Second,
				TLSHandshakeTimeout: 10 * time.Second,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		turns:    make(chan struct{}, conf.MaxConcurrent),
		requests: perMinute(conf.RequestsPerMinute, max(1, conf.RequestsPerMinute/10)),
		tokens:   perMinute(conf.TokensPerMinute, conf.TokensPerMinute),
	}
	e.dims.Store(int32(conf.Dimensions))
	return e, nil
}

func perMinute(n, burst int) *rate.Limiter {
	if n == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(float64(n)/60), burst)
}

// Model returns the model's name, with "@" and the dimensions when those were
// asked for, since shortened vectors do not compare with whole ones.
func (e *Embedder) Model() string {
	if e.conf.AskDimensions {
		return fmt.Sprintf("%s@%d", e.conf.Model, e.conf.Dimensions)
	}
	return e.conf.Model
}

// Dimensions returns the length of every vector, 0 before the first answer
// when it was not configured.
func (e *Embedder) Dimensions() int { return int(e.dims.Load()) }

// MaxBatch returns how many texts one request may have.
func (e *Embedder) MaxBatch() int { return e.conf.MaxBatch }

// Close closes idle connections.
func (e *Embedder) Close() { e.http.CloseIdleConnections() }

// Embed sends one request with all texts, when its turn comes. It returns a
// *embed.Failure as package embed describes, or the context's error. Tokens
// is each text's share, by length, of what the endpoint counted; where it
// counts nothing, a quarter of the bytes.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([]embed.Result, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	if err := e.checkInput(texts); err != nil {
		return nil, err
	}
	select {
	case e.turns <- struct{}{}:
		defer func() { <-e.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	guess := guessTokens(texts)
	if err := e.wait(ctx, guess); err != nil {
		return nil, err
	}
	body, err := e.post(ctx, texts)
	if err != nil {
		return nil, err
	}
	results, used, err := e.read(body, texts)
	if err != nil {
		return nil, err
	}
	if more := used - guess; more > 0 { // counts against the requests to come
		e.tokens.ReserveN(time.Now(), min(more, e.tokens.Burst()))
	}
	return results, nil
}

func (e *Embedder) checkInput(texts []string) error {
	if len(texts) > e.conf.MaxBatch {
		return &embed.Failure{Code: embed.BadInput, Reason: fmt.Sprintf("%d texts in one batch: at most %d", len(texts), e.conf.MaxBatch)}
	}
	for i, text := range texts {
		if strings.TrimSpace(text) == "" {
			return &embed.Failure{Code: embed.BadInput, Reason: fmt.Sprintf("text %d of %d is blank", i+1, len(texts))}
		}
	}
	return nil
}

// wait waits until the limits allow a request of n tokens.
func (e *Embedder) wait(ctx context.Context, n int) error {
	err := e.requests.Wait(ctx)
	if err == nil {
		err = e.tokens.WaitN(ctx, min(n, e.tokens.Burst()))
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	// The limiter sees that the turn would come after the context's end.
	return fmt.Errorf("embed: wait for the limit on requests: %w", context.DeadlineExceeded)
}
