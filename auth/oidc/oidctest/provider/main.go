// Command provider is a real OpenID provider on a free loopback port: the
// certified implementation github.com/zitadel/oidc with its example storage.
// It prints its issuer on one line, then serves until its standard input ends.
//
//	provider --redirect http://127.0.0.1:8080/callback
//
// Its client "web" hands out claims at the userinfo endpoint only; the client
// "claims" finds them in the ID token as well. The secret of both is "secret".
// The people are "test-user@127.0.0.1" and "test-user2", password "verysecure";
// the first is in the groups staff and admins, the second in staff.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const secret = "secret"

func main() {
	redirect := flag.String("redirect", "", "redirect URI of the clients")
	flag.Parse()
	if err := run(*redirect, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "provider:", err)
		os.Exit(1)
	}
}

func run(redirect string, in io.Reader, out io.Writer) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen on loopback: %w", err)
	}
	issuer := "http://" + l.Addr().String() + "/"
	storage.RegisterClients(storage.WebClient("web", secret, redirect), storage.WebClient("claims", secret, redirect))
	store := &people{storage.NewStorage(storage.NewUserStore(issuer))}
	server := &http.Server{
		Handler:           exampleop.SetupServer(issuer, store, slog.New(slog.DiscardHandler), false),
		ReadHeaderTimeout: 10 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if _, err := fmt.Fprintln(out, issuer); err != nil {
		return fmt.Errorf("print the issuer: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, in)
		ended <- err
	}()
	select {
	case err := <-failed:
		return err
	case err := <-ended:
		_ = server.Close() // nothing is left to do
		return err
	}
}

// people is the example storage with groups.
type people struct{ *storage.Storage }

// GetClientByClientID returns a client; "claims" asks for claims in ID tokens.
func (p *people) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := p.Storage.GetClientByClientID(ctx, id)
	if err == nil && id == "claims" {
		return asserting{c}, nil
	}
	return c, err
}

// SetUserinfoFromRequest fills the claims of an ID token.
func (p *people) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	setGroups(info, r.GetSubject())
	return p.Storage.SetUserinfoFromRequest(ctx, info, r, scopes)
}

// SetUserinfoFromToken fills the claims of the userinfo endpoint.
func (p *people) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	setGroups(info, subject)
	return p.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin)
}

func setGroups(info *oidc.UserInfo, subject string) {
	groups := []string{"staff"}
	if subject == "id1" {
		groups = append(groups, "admins")
	}
	info.AppendClaims("groups", groups)
}

// asserting is a client that finds its claims in the ID token.
type asserting struct{ op.Client }

// IDTokenUserinfoClaimsAssertion says so.
func (asserting) IDTokenUserinfoClaimsAssertion() bool { return true }
