package natsauth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/auth/natsauth"
	"github.com/hivemesh/hivemesh/embedded"
)

// plain runs Serve, with fresh keys and one slot so that it answers in order,
// on a server that lets anybody ask, as no server with a callout does. It
// returns where to ask from.
func plain(t *testing.T, cfg natsauth.Config) *nats.Conn {
	t.Helper()
	n, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir(), NoListen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Stop(context.Background()) })
	nc, err := n.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	cfg.NATS, cfg.Decide, cfg.Slots, cfg.Log = nc, decide, 1, zerolog.Nop()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- natsauth.Serve(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	eventually(t, 20*time.Second, "Serve listens", func() bool {
		_, err := nc.Request(authSubject, nil, 50*time.Millisecond)
		return !errors.Is(err, nats.ErrNoResponders)
	})
	return nc
}

const authSubject = "$SYS.REQ.USER.AUTH"

// forge makes a request as a server with key would, changed by change.
func forge(t *testing.T, issuer string, key nkeys.KeyPair, change func(*jwt.AuthorizationRequestClaims)) []byte {
	t.Helper()
	id, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	req := jwt.NewAuthorizationRequestClaims(issuer)
	req.UserNkey, _ = user.PublicKey()
	req.Audience = "nats-authorization-request"
	req.Server.ID = id
	req.Expires = time.Now().Add(time.Minute).Unix()
	req.ConnectOptions.Token = agentA
	if change != nil {
		change(req)
	}
	text, err := req.Encode(key)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

// TestForgedRequestsGetNoAnswer: only what a server signed for this service is
// decided on.
func TestForgedRequestsGetNoAnswer(t *testing.T) {
	t.Parallel()
	keys, _ := nkeys.CreateAccount()
	issuer, _ := keys.PublicKey()
	nc := plain(t, natsauth.Config{Issuer: keys})
	key, _ := nkeys.CreateServer()
	other, _ := nkeys.CreateServer()
	otherID, _ := other.PublicKey()
	account, _ := nkeys.CreateAccount()
	accountID, _ := account.PublicKey()
	good := forge(t, issuer, key, nil)
	tampered := append([]byte(nil), good...)
	tampered[len(tampered)-10] ^= 1
	sub, err := nc.SubscribeSync("answers.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct {
		name string
		data []byte
	}{
		{"empty", nil},
		{"garbage", []byte("eyJ.x.y")},
		{"tampered", tampered},
		{"of-another-server", forge(t, issuer, key, func(r *jwt.AuthorizationRequestClaims) { r.Server.ID = otherID })},
		{"for-another-audience", forge(t, issuer, key, func(r *jwt.AuthorizationRequestClaims) { r.Audience = "x" })},
		{"for-another-issuer", forge(t, accountID, key, nil)},
		{"expired", forge(t, issuer, key, func(r *jwt.AuthorizationRequestClaims) { r.Expires = time.Now().Add(-time.Minute).Unix() })},
		{"for-ever", forge(t, issuer, key, func(r *jwt.AuthorizationRequestClaims) { r.Expires = 0 })},
		{"for-no-user", forge(t, issuer, key, func(r *jwt.AuthorizationRequestClaims) { r.UserNkey = accountID })},
		{"good", good},
	} {
		if err := nc.PublishRequest(authSubject, "answers."+q.name, q.data); err != nil {
			t.Fatal(err)
		}
	}
	m, err := sub.NextMsgWithContext(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject != "answers.good" {
		t.Errorf("answered: %s", m.Subject)
	}
	res, err := jwt.DecodeAuthorizationResponseClaims(string(m.Data))
	if err != nil || res.Issuer != issuer || res.Jwt == "" {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestPlainRequestIsRefused: with an encryption key, what is not encrypted, or
// not to that key, gets no answer.
func TestPlainRequestIsRefused(t *testing.T) {
	t.Parallel()
	xkey, _ := nkeys.CreateCurveKeys()
	public, _ := xkey.PublicKey()
	keys, _ := nkeys.CreateAccount()
	issuer, _ := keys.PublicKey()
	nc := plain(t, natsauth.Config{Issuer: keys, XKey: xkey})
	sub, err := nc.SubscribeSync("answers.*")
	if err != nil {
		t.Fatal(err)
	}
	key, _ := nkeys.CreateServer()
	box, _ := nkeys.CreateCurveKeys()
	boxPublic, _ := box.PublicKey()
	named := func(r *jwt.AuthorizationRequestClaims) { r.Server.XKey = boxPublic }
	seal := func(data []byte) []byte {
		sealed, err := box.Seal(data, public)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	for _, q := range []struct {
		name string
		data []byte
	}{
		{"plain", forge(t, issuer, key, named)},
		{"of-another-box", seal(forge(t, issuer, key, nil))},
		{"good", seal(forge(t, issuer, key, named))},
	} {
		m := nats.NewMsg(authSubject)
		m.Reply, m.Data = "answers."+q.name, q.data
		m.Header.Set("Nats-Server-Xkey", boxPublic)
		if err := nc.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	m, err := sub.NextMsgWithContext(within(t))
	if err != nil || m.Subject != "answers.good" {
		t.Fatalf("answered: %v, %v", m, err)
	}
	if _, err := box.Open(m.Data, public); err != nil {
		t.Errorf("the answer is not encrypted: %v", err)
	}
}

// TestNobodyCanAskInPlaceOfTheServer: the server lets no connection publish a
// request, not even the one that answers them.
func TestNobodyCanAskInPlaceOfTheServer(t *testing.T) {
	t.Parallel()
	r := start(t, natsauth.Config{})
	refused := make(chan error, 1)
	nc, err := r.server.ConnectAuth(t.Context(), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.Publish(authSubject, nil); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, refused)
}
