package passkey

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/hivemesh/hivemesh/domain"
)

// defaultTTL is how long a person may take for a ceremony.
const defaultTTL = 5 * time.Minute

// Config says for whom passkeys are made.
type Config struct {
	RPID    string           // relying party: the domain of the site, such as "example.com"
	RPName  string           // what authenticators show; default RPID
	Origins []string         // of the pages that ask, such as "https://mesh.example.com"
	TTL     time.Duration    // of a ceremony, default 5 minutes
	Now     func() time.Time // default time.Now
}

// Party is a relying party. It is safe for concurrent use.
type Party struct {
	web *webauthn.WebAuthn
	ttl time.Duration
	now func() time.Time
}

// New returns the relying party of a Config, or an Invalid error with the
// field that is wrong: "rp_id" must be a domain and no address, "origins" must
// be https (http only for localhost) at that domain or below.
func New(cfg Config) (*Party, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.RPName == "" {
		cfg.RPName = cfg.RPID
	}
	if cfg.TTL <= 0 {
		cfg.TTL = defaultTTL
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	timeout := webauthn.TimeoutConfig{Timeout: cfg.TTL, TimeoutUVD: cfg.TTL} // told to the browser; State.Expires decides
	web, err := webauthn.New(&webauthn.Config{
		RPID: cfg.RPID, RPDisplayName: cfg.RPName, RPOrigins: cfg.Origins,
		AttestationPreference:             protocol.PreferNoAttestation,
		Timeouts:                          webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore, // browsers and their add-ons add some; none is read
	})
	if err != nil {
		return nil, &domain.Error{Kind: domain.Invalid, Code: "invalid_field", Field: "rp_id", Message: "passkeys cannot be set up with it", Err: err}
	}
	return &Party{web: web, ttl: cfg.TTL, now: cfg.Now}, nil
}

func (c Config) validate() error {
	if err := protocol.ValidateRPID(c.RPID); err != nil {
		return &domain.Error{Kind: domain.Invalid, Code: "invalid_field", Field: "rp_id", Message: "is not a domain such as example.com", Err: err}
	}
	if len(c.Origins) == 0 {
		return domain.InvalidField("origins", "needs at least one, such as https://%s", c.RPID)
	}
	for _, o := range c.Origins {
		if !c.within(o) {
			return domain.InvalidField("origins", "%.128q is not an https origin of %s", o, c.RPID)
		}
	}
	return nil
}

// within reports whether a browser would let a page of this origin use RPID.
func (c Config) within(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme+"://"+u.Host != origin {
		return false
	}
	host := u.Hostname()
	if net.ParseIP(host) != nil || host != c.RPID && !strings.HasSuffix(host, "."+c.RPID) {
		return false
	}
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	return u.Scheme == "https" || u.Scheme == "http" && local
}
