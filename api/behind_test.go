package api_test

import (
	"context"
	"net/http/httptrace"
	"sync"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// TestNodeBehind: a node that has not yet heard what another one has given
// waits until it has, for at most a second, and never calls it bad before.
func TestNodeBehind(t *testing.T) {
	t.Parallel()
	ahead := apitest.Start(t, apitest.Config{})
	person(t, ahead, "fresh", longPassword, identity.RoleDeveloper)
	known := loginAt(t, ahead, "fresh")
	caughtUp := make(chan struct{})
	behind := apitest.Start(t, apitest.Config{Peer: ahead, Behind: caughtUp})
	session := loginAt(t, ahead, "fresh")
	other := loginAt(t, ahead, "fresh")
	leaving, err := ahead.NewClient(t, "").Refresh(t.Context(), known.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	rotate(t, [2]*apitest.Mesh{ahead, behind}, 0, time.Hour)
	_, key := makePrincipal(t, ahead, "default", domain.Service, "fresh-service", identity.RoleDeveloper)
	signed, err := ahead.NewClient(t, key).Exchange(t.Context(), client.ExchangeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	invitation := invite(t, ahead, domain.Agent, "fresh-agent")
	pair, err := client.Join(t.Context(), ahead.NewClient(t, ""), invite(t, ahead, domain.Agent, "fresh-pair"), "")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if r := ask(t, behind, "GET", "/v1/whoami", "", "Authorization", "Bearer "+key); r.problem.Code != "log_unavailable" {
		t.Errorf("%d %+v", r.status, r.problem)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("refused after %v", took)
	}
	whoami := func(token string) func(context.Context) error {
		return func(ctx context.Context) error { _, err := behind.NewClient(t, token).WhoAmI(ctx); return err }
	}
	anon := behind.NewClient(t, "")
	asked := map[string]func(context.Context) error{
		"session":     whoami(session.AccessToken),
		"signing key": whoami(signed.AccessToken),
		"API key":     whoami(key),
		"refresh":     func(ctx context.Context) error { _, err := anon.Refresh(ctx, other.RefreshToken); return err },
		"logout":      func(ctx context.Context) error { return anon.Logout(ctx, leaving.RefreshToken) },
		"invitation":  func(ctx context.Context) error { _, err := client.Join(ctx, anon, invitation, ""); return err },
		"key pair":    func(ctx context.Context) error { _, err := pair.Source(anon)(ctx); return err },
	}
	var sent, done sync.WaitGroup
	for name, ask := range asked {
		sent.Add(1)
		written := sync.OnceFunc(sent.Done)
		done.Go(func() {
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { written() }})
			if err := ask(ctx); err != nil {
				t.Errorf("%s: %+v", name, err)
			}
		})
	}
	sent.Wait()
	close(caughtUp)
	done.Wait()
	_, err = behind.NewClient(t, leaving.AccessToken).WhoAmI(t.Context())
	wantCode(t, err, "bad_credential")
	_, err = behind.NewClient(t, "mk_"+key[3:len(key)-1]+"x").WhoAmI(t.Context())
	wantCode(t, err, "bad_credential")
}
