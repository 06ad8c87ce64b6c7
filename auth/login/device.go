package login

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// A program without a browser logs in by a code that a person approves
// elsewhere (device authorization, RFC 8628). What waits stands in a bucket
// that forgets it after ten minutes; it never reaches the log.
const (
	pendingBucket = "LOGINS"
	pendingLife   = 10 * time.Minute
	pollEvery     = 2 * time.Second
	devicePrefix  = "md_" // "md_<id>_<secret>"
	userAlphabet  = "BCDFGHJKLMNPQRSTVWXZ"
	userLength    = 8 // 34 bits, for ten minutes and by authenticated callers only
)

// Device is what a program shows and asks with while it waits.
type Device struct {
	DeviceCode string // secret of the program
	UserCode   string // that the person types, such as BCDF-GHJK
	ExpiresIn  time.Duration
	Interval   time.Duration // between two questions
}

// pending is one device login as it waits.
type pending struct {
	Verifier string       `json:"verifier"`
	User     string       `json:"user"`
	Client   string       `json:"client"`
	Approved identity.Ref `json:"approved,omitzero"`
	Method   string       `json:"method,omitempty"` // how whoever approved it proved itself, when that was for this
}

// OpenPending opens the bucket of what waits.
func OpenPending(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.KeyValue, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: pendingBucket, Description: "Hivemesh: logins that are under way", TTL: pendingLife,
		Storage: jetstream.FileStorage, Replicas: max(1, replicas),
	})
	if err != nil {
		return nil, fmt.Errorf("open the bucket %s: %w", pendingBucket, err)
	}
	return kv, nil
}

// BeginDevice starts a login that a person approves elsewhere.
func (s *Service) BeginDevice(ctx context.Context, client string) (Device, error) {
	if err := domain.CheckText("client", client, identity.MaxName); err != nil {
		return Device{}, err
	}
	id, user := uuid.NewString(), userCode()
	secret, verifier := auth.NewSecret()
	data, err := json.Marshal(pending{Verifier: verifier, User: user, Client: client})
	if err != nil {
		return Device{}, fmt.Errorf("encode login: %w", err)
	}
	if _, err := s.cfg.Pending.Create(ctx, "user."+user, []byte(id)); err != nil {
		return Device{}, errPending(err)
	}
	if _, err := s.cfg.Pending.Create(ctx, "device."+id, data); err != nil {
		return Device{}, errPending(err)
	}
	return Device{
		DeviceCode: devicePrefix + strings.ReplaceAll(id, "-", "") + "_" + secret, UserCode: showUserCode(user),
		ExpiresIn: pendingLife, Interval: pollEvery,
	}, nil
}

// ApproveDevice lets the program that shows a code act as the actor.
func (s *Service) ApproveDevice(ctx context.Context, by domain.Actor, code string) (client string, err error) {
	return s.approve(ctx, by, code, "")
}

// approve is ApproveDevice by an actor that proved itself by a method for this.
func (s *Service) approve(ctx context.Context, by domain.Actor, code, method string) (client string, err error) {
	if err := s.cfg.Commands.Authorise(by, identity.ActionOwn, identity.Resource{}); err != nil {
		return "", err
	}
	user, ok := parseUserCode(code)
	if !ok {
		return "", errUserCode()
	}
	p, at, err := s.waiting(ctx, user)
	if err != nil {
		return "", err
	}
	p.Approved, p.Method = identity.Ref{Tenant: by.HomeTenant(), ID: by.ID}, method
	data, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode login: %w", err)
	}
	if _, err := s.cfg.Pending.Update(ctx, at.Key(), data, at.Revision()); err != nil {
		return "", errUserCode()
	}
	return p.Client, nil
}

// waiting returns the login that waits with a user code, and where it stands.
func (s *Service) waiting(ctx context.Context, user string) (p pending, at jetstream.KeyValueEntry, err error) {
	id, err := s.cfg.Pending.Get(ctx, "user."+user)
	if err != nil {
		return p, nil, errUserCode()
	}
	p, at, err = s.pending(ctx, string(id.Value()))
	if err != nil || p.Approved.ID != "" {
		return p, nil, errUserCode()
	}
	return p, at, nil
}

// parseUserCode reads a code as a person types it.
func parseUserCode(code string) (user string, ok bool) {
	user = strings.ToUpper(strings.ReplaceAll(code, "-", ""))
	return user, len(user) == userLength && strings.Trim(user, userAlphabet) == ""
}

func showUserCode(user string) string { return user[:4] + "-" + user[4:] }

// FinishDevice answers a program that waits: with tokens once it was approved,
// which works one time; else with code authorization_pending, or expired_token.
func (s *Service) FinishDevice(ctx context.Context, deviceCode string, from netip.Addr) (Tokens, error) {
	id, verifier, ok := parseSecret(deviceCode, devicePrefix)
	if !ok {
		return Tokens{}, errDevice()
	}
	p, at, err := s.pending(ctx, id)
	if err != nil || p.Verifier != verifier { // digests of random values: nothing to learn from timing
		return Tokens{}, errDevice()
	}
	if p.Approved.ID == "" {
		return Tokens{}, &domain.Error{Kind: domain.Unauthenticated, Code: "authorization_pending", Message: "nobody has approved the code yet"}
	}
	if err := s.cfg.Pending.Delete(ctx, "device."+id, jetstream.LastRevision(at.Revision())); err != nil {
		return Tokens{}, errDevice()
	}
	_ = s.cfg.Pending.Delete(ctx, "user."+p.User) // it would expire
	who, ok := s.cfg.Directory.Principal(p.Approved)
	if !ok || who.Suspended {
		return Tokens{}, errDevice()
	}
	methods := []string{"device"}
	if p.Method != "" {
		methods = append(methods, p.Method)
	}
	return s.begin(ctx, p.Approved, who.Kind, identity.SessionStarted{
		Client: p.Client, Methods: methods, ExpiresAt: s.now().Add(sessionLife),
	}, from, true)
}

func (s *Service) pending(ctx context.Context, id string) (p pending, at jetstream.KeyValueEntry, err error) {
	e, err := s.cfg.Pending.Get(ctx, "device."+id)
	if err != nil {
		return p, nil, err
	}
	return p, e, json.Unmarshal(e.Value(), &p)
}

// userCode returns letters that are hard to mistake and make no words.
func userCode() string {
	code := make([]byte, 0, userLength)
	for len(code) < userLength {
		var b [1]byte
		rand.Read(b[:])
		if limit := 256 - 256%len(userAlphabet); int(b[0]) < limit {
			code = append(code, userAlphabet[int(b[0])%len(userAlphabet)])
		}
	}
	return string(code)
}

func errUserCode() error {
	return domain.InvalidField("user_code", "no program waits with this code; begin again where it was shown")
}

func errDevice() error {
	return &domain.Error{Kind: domain.Unauthenticated, Code: "expired_token", Message: "the login was used, refused or has expired; begin again"}
}

func errPending(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &domain.Error{Kind: domain.Unavailable, Code: "log_unavailable", Message: "logins cannot be kept now; try again", Err: err}
}
