package natsauth

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
)

const (
	requestAudience  = "nats-authorization-request"
	serverXKeyHeader = "Nats-Server-Xkey"
	refused          = "refused" // all that a server is told
)

// responder answers single requests.
type responder struct {
	cfg    Config
	issuer string // public
}

// serve answers m. What is not a request of a server gets no answer.
func (r *responder) serve(ctx context.Context, m *nats.Msg) {
	serverXKey := m.Header.Get(serverXKeyHeader)
	req, err := r.open(m.Data, serverXKey)
	if err != nil {
		r.cfg.Log.Warn().Err(err).Msg("auth request without an answer")
		return
	}
	res := jwt.NewAuthorizationResponseClaims(req.UserNkey)
	res.Audience = req.Server.ID
	user, err := r.decide(ctx, req)
	if err == nil {
		res.Jwt, err = user.Encode(r.cfg.Issuer)
	}
	if err != nil {
		r.cfg.Log.Warn().Err(err).Str("addr", req.ClientInformation.Host).Msg("NATS connection refused")
		res.Jwt, res.Error = "", refused
	}
	if err := r.reply(m, res, serverXKey); err != nil {
		r.cfg.Log.Warn().Err(err).Msg("auth answer not sent")
	}
}

// open decrypts and verifies a request: it must be signed by the server that
// it names, be for an auth service, ask this issuer, and not be expired.
func (r *responder) open(data []byte, serverXKey string) (req *jwt.AuthorizationRequestClaims, err error) {
	defer caught(&err)
	if r.cfg.XKey != nil {
		if data, err = r.cfg.XKey.Open(data, serverXKey); err != nil {
			return nil, fmt.Errorf("decrypt: %w", err)
		}
	}
	req, err = jwt.DecodeAuthorizationRequestClaims(string(data)) // verifies the signature by the issuer's key
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	found := jwt.CreateValidationResults()
	req.Validate(found)
	switch {
	case !found.IsEmpty():
		return nil, found.Issues[0] // also: expired
	case req.Expires == 0:
		return nil, errors.New("without an expiry")
	case req.Issuer != req.Server.ID:
		return nil, errors.New("not signed by the server it names")
	case req.Audience != requestAudience:
		return nil, errors.New("not for an auth service")
	case req.Subject != r.issuer:
		return nil, errors.New("for another issuer")
	case r.cfg.XKey != nil && req.Server.XKey != serverXKey:
		return nil, errors.New("not encrypted by the server it names")
	}
	return req, nil
}

// decide asks Decide and makes the user of its grant. A panic becomes an error.
func (r *responder) decide(ctx context.Context, req *jwt.AuthorizationRequestClaims) (u *jwt.UserClaims, err error) {
	defer caught(&err)
	ctx, cancel := context.WithTimeout(ctx, decideLimit)
	defer cancel()
	given := req.ConnectOptions
	grant, err := r.cfg.Decide(ctx, Request{
		User: given.Username, Password: given.Password, Token: given.Token,
		ClientAddr: req.ClientInformation.Host, ClientKind: req.ClientInformation.Type, Name: given.Name,
	})
	if err != nil {
		return nil, err
	}
	u, err = userClaims(req.UserNkey, grant, time.Now())
	if err != nil {
		return nil, err
	}
	u.Audience = r.cfg.Account
	return u, nil
}

// caught turns a panic into an error.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}

// reply signs an answer and sends it, encrypted if the request was.
func (r *responder) reply(m *nats.Msg, res *jwt.AuthorizationResponseClaims, serverXKey string) error {
	text, err := res.Encode(r.cfg.Issuer)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	data := []byte(text)
	if r.cfg.XKey != nil {
		if data, err = r.cfg.XKey.Seal(data, serverXKey); err != nil {
			return fmt.Errorf("encrypt: %w", err)
		}
	}
	return m.Respond(data)
}
