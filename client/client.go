package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultURL is where a mesh on this machine answers.
const DefaultURL = "http://127.0.0.1:7300"

// Config says which mesh to speak to, and as whom.
type Config struct {
	URL       string       // default DefaultURL
	Token     string       // credential, such as an API key; sent as a bearer token
	Tenant    string       // to act in, for those who may act in several; default the credential's own
	Source    Source       // gives the credential instead of Token, when it changes over time
	HTTP      *http.Client // default: one with its own connections; must not have a Timeout, streams stay open
	UserAgent string       // default "hivemesh-go"
	// At has tasks, agents, events, counts, memory and documents be told as they
	// were: after an event, by its sequence or position, or at a time (RFC 3339).
	// Nothing else can be asked then. Empty: as they are.
	At string
}

// Client speaks to one mesh. It is safe for concurrent use, and its agents
// share its connections.
type Client struct {
	base   string
	source Source
	tenant string
	agent  string
	at     string
	http   *http.Client
}

// Source gives the credential to send now. It is called for every request and
// must be quick and safe for concurrent use: it keeps what is still good.
type Source func(ctx context.Context) (string, error)

// New returns a client for the mesh at cfg.URL. It does not connect. It fails
// when the URL is not an http or https address.
func New(cfg Config) (*Client, error) {
	if cfg.URL == "" {
		cfg.URL = DefaultURL
	}
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("mesh URL %q: want http://host:port or https://host", cfg.URL)
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "hivemesh-go"
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Transport: newTransport()}
	}
	if cfg.Source == nil {
		cfg.Source = func(context.Context) (string, error) { return cfg.Token, nil }
	}
	return &Client{base: strings.TrimSuffix(cfg.URL, "/"), source: cfg.Source, tenant: cfg.Tenant, agent: cfg.UserAgent, at: cfg.At, http: cfg.HTTP}, nil
}

// URL returns the address of the mesh.
func (c *Client) URL() string { return c.base }

// Close closes idle connections. Calls under way are not disturbed.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       30 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
		WriteBufferSize:       4 << 10,
		ReadBufferSize:        4 << 10,
	}
}
