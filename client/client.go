package client

import (
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
	Token     string       // credential; sent as a bearer token
	HTTP      *http.Client // default: one with its own connections; must not have a Timeout, streams stay open
	UserAgent string       // default "hivemesh-go"
}

// Client speaks to one mesh. It is safe for concurrent use, and its agents
// share its connections.
type Client struct {
	base  string
	token string
	agent string
	http  *http.Client
}

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
	return &Client{base: strings.TrimSuffix(cfg.URL, "/"), token: cfg.Token, agent: cfg.UserAgent, http: cfg.HTTP}, nil
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
