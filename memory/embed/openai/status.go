package openai

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/memory/embed"
)

// maxAfter bounds what a server may ask to wait.
const maxAfter = time.Hour

// refused turns a status other than 200 into a failure.
func (e *Embedder) refused(resp *http.Response) *embed.Failure {
	f := &embed.Failure{Code: embed.Refused, Status: resp.StatusCode}
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests:
		f.Code, f.Retry, f.Reason = embed.Limited, true, "too many requests or tokens"
	case s == http.StatusRequestTimeout:
		f.Code, f.Retry, f.Reason = embed.Timeout, true, "the endpoint waited too long"
	case s == http.StatusNotImplemented:
		f.Reason = "the endpoint has no embeddings: check the address and the model"
	case s >= 500:
		f.Code, f.Retry, f.Reason = embed.Overloaded, true, "the endpoint failed or is overloaded"
	case s >= 300 && s < 400:
		f.Reason = "the endpoint sends us elsewhere, which is not followed: set the address to the place itself"
	case s == http.StatusUnauthorized:
		f.Reason = "the key is missing or not accepted: check the key"
	case s == http.StatusForbidden:
		f.Reason = "the key may not use this model: check the key's rights and the model"
	case s == http.StatusNotFound, s == http.StatusMethodNotAllowed:
		f.Reason = "no such address or model: check the address, which mostly ends in /v1, and the model"
	case s == http.StatusRequestEntityTooLarge:
		f.Reason = "the batch is too large: set a smaller one"
	case s >= 400:
		f.Reason = "the request is not accepted: check the model, the dimensions and the length of the texts"
	default:
		f.Code, f.Retry, f.Reason = embed.BadAnswer, true, "an answer without vectors"
	}
	if f.Retry {
		f.After = after(resp.Header)
	}
	if code := e.errorCode(resp.Body); code != "" {
		f.Reason += fmt.Sprintf(" (the endpoint says %s)", code)
	}
	return f
}

// after reads Retry-After (RFC 9110, section 10.2.3): seconds or a date. A
// date is counted from the server's own Date where there is one, so that its
// clock need not agree with ours.
func after(h http.Header) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		if !(n > 0) {
			return 0
		}
		return time.Duration(min(n, maxAfter.Seconds()) * float64(time.Second))
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(0, until.Sub(now)), maxAfter)
}

// errorCode returns the short code or type in an error body, "" when there is
// none. Free text is left out: it may repeat the key or the texts.
func (e *Embedder) errorCode(body io.Reader) string {
	var answer struct {
		Error struct {
			Code any    `json:"code"`
			Type string `json:"type"`
		} `json:"error"`
	}
	b, _ := io.ReadAll(io.LimitReader(body, 16<<10)) // a broken body has no code
	_ = json.Unmarshal(b, &answer)                   // what could be read is in answer
	code, _ := answer.Error.Code.(string)
	if code == "" {
		code = answer.Error.Type
	}
	if !regexp.MustCompile(`^[a-z][a-z_]{2,47}$`).MatchString(code) || e.conf.Key.value != "" && strings.Contains(code, e.conf.Key.value) {
		return ""
	}
	return code
}
