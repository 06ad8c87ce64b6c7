package natsauth

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
)

// tokenPattern is what may stand for one token of a subject, so that no id
// widens a grant: no dot, no wildcard, no space.
var tokenPattern = regexp.MustCompile(`^[a-zA-Z0-9_/:-]{1,128}$`)

// PrincipalGrant returns what a person or a service may do on NATS: send
// commands in its own name, be answered, and hear the signals of its tenant.
// It fails when an id cannot be a token of a subject.
func PrincipalGrant(tenant, principal string) (Grant, error) {
	if err := checkTokens(tenant, principal); err != nil {
		return Grant{}, err
	}
	g := own(tenant, principal)
	g.Subscribe = append(g.Subscribe, "sig."+tenant+".>")
	return g, nil
}

// AgentGrant returns what principal may do as agent: send commands and heartbeats
// in its own name, be answered, and listen to the inbox of that agent. The
// server keeps some 0.45 KB a connection for each part of each subject, so
// there is nothing here that agents do not use. It fails as PrincipalGrant.
func AgentGrant(tenant, principal, agent string) (Grant, error) {
	if err := checkTokens(tenant, principal, agent); err != nil {
		return Grant{}, err
	}
	g := own(tenant, principal)
	g.Subscribe = append(g.Subscribe, "agent."+tenant+"."+agent+".inbox")
	return g, nil
}

// own is what all principals have.
func own(tenant, principal string) Grant {
	return Grant{
		ID: principal, Tenant: tenant,
		Publish:   []string{"cmd." + tenant + "." + principal + ".>"},
		Subscribe: []string{InboxPrefix(tenant, principal) + ".>"},
	}
}

// InboxPrefix is where the answers to a principal's requests arrive, for
// nats.CustomInboxPrefix. Ids are unique within a tenant only, hence both, and
// in one part of the subject: see AgentGrant.
func InboxPrefix(tenant, principal string) string { return "_INBOX." + tenant + "-" + principal }

// UserName is the name of a principal's connections on the server.
func UserName(tenant, principal string) string { return tenant + "." + principal }

func checkTokens(ids ...string) error {
	for _, id := range ids {
		if !tokenPattern.MatchString(id) {
			return fmt.Errorf("%.64q cannot be a token of a subject", id)
		}
	}
	return nil
}

// userClaims returns the user that a grant makes of a connection. It fails
// when the grant has expired, names nobody, or has a subject that is none.
func userClaims(key string, g Grant, now time.Time) (*jwt.UserClaims, error) {
	if err := checkTokens(g.Tenant, g.ID); err != nil {
		return nil, err
	}
	u := jwt.NewUserClaims(key)
	u.Name = UserName(g.Tenant, g.ID)
	if !g.Expires.IsZero() {
		u.Expires = g.Expires.Unix()
		if u.Expires <= now.Unix() {
			return nil, errors.New("the grant has expired")
		}
	}
	u.Pub = permission(g.Publish)
	u.Sub = permission(g.Subscribe)
	found := jwt.CreateValidationResults()
	u.Validate(found)
	if !found.IsEmpty() {
		return nil, fmt.Errorf("the grant is not valid: %s", found.Issues[0].Description)
	}
	return u, nil
}

// permission allows subjects. The server reads an empty list as "all", so
// that none must be said by a denial.
func permission(subjects []string) jwt.Permission {
	if len(subjects) == 0 {
		return jwt.Permission{Deny: jwt.StringList{">"}}
	}
	return jwt.Permission{Allow: subjects}
}

// OwnReply reports whether an answer may be sent to reply on behalf of a
// principal. The server does not check where a request wants its answer: the
// mesh, which may publish anywhere, must not be made to publish to the log,
// to JetStream or to somebody else's inbox.
func OwnReply(tenant, principal, reply string) bool {
	return strings.HasPrefix(reply, InboxPrefix(tenant, principal)+".") && !strings.ContainsAny(reply, "*> \t\r\n")
}
