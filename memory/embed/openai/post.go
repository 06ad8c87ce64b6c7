package openai

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/hivemesh/hivemesh/memory/embed"
)

type question struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Format     string   `json:"encoding_format"`
	Dimensions int      `json:"dimensions,omitempty"`
}

// Bytes of an answer: a number has at most 25, a vector at most 4,000 numbers.
const (
	maxAnswer        = 64 << 10 // beside the vectors
	maxAnswerPerText = 25 * 4000
)

// post sends the texts and returns the body of a good answer.
func (e *Embedder) post(ctx context.Context, texts []string) ([]byte, error) {
	q := question{Model: e.conf.Model, Input: texts, Format: "float"}
	if e.conf.AskDimensions {
		q.Dimensions = e.conf.Dimensions
	}
	return e.ask(ctx, "/embeddings", q, int64(maxAnswer+maxAnswerPerText*len(texts)))
}

// ask sends a question and returns the body of a good answer, of at most limit
// bytes.
func (e *Embedder) ask(ctx context.Context, path string, q any, limit int64) ([]byte, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("encode texts: %w", err)
	}
	timed, cancel := context.WithTimeout(ctx, e.conf.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(timed, http.MethodPost, e.conf.BaseURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if e.conf.Key.value != "" {
		req.Header.Set("Authorization", "Bearer "+e.conf.Key.value)
	}
	resp, err := e.http.Do(req)
	if err != nil {
		return nil, e.broken(ctx, timed, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, e.refused(resp)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, bad("the answer ended early, after %d bytes", len(answer))
	case err != nil:
		return nil, e.broken(ctx, timed, err)
	case int64(len(answer)) > limit:
		return nil, bad("the answer has more than %d bytes", limit)
	}
	return answer, nil
}

// broken says why there is no answer: the caller gave up, no time was left,
// or the connection failed.
func (e *Embedder) broken(ctx, timed context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if timed.Err() != nil {
		return &embed.Failure{Code: embed.Timeout, Retry: true, Reason: fmt.Sprintf("no answer within %v", e.conf.Timeout)}
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address
	}
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return &embed.Failure{Code: embed.Refused, Reason: fmt.Sprintf("the endpoint's certificate is not trusted: %v", cert.Err)}
	}
	return &embed.Failure{Code: embed.Unreachable, Retry: true, Reason: fmt.Sprintf("no connection: %v", err)}
}

func bad(format string, args ...any) *embed.Failure {
	return &embed.Failure{Code: embed.BadAnswer, Retry: true, Status: http.StatusOK, Reason: fmt.Sprintf(format, args...)}
}
