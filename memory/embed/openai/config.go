package openai

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Config says which endpoint to ask and how much. Zero values mean the
// defaults that are named here.
type Config struct {
	BaseURL string // such as https://api.openai.com/v1 or http://127.0.0.1:11434/v1
	Model   string // as the endpoint names it
	Key     Key    // zero for endpoints without one
	// PlainKey allows the key over plain HTTP to another machine.
	PlainKey bool

	// Dimensions is the length that vectors must have; 0 takes that of the
	// first answer.
	Dimensions int
	// AskDimensions sends Dimensions along, for models that can shorten their
	// vectors; endpoints of other models refuse it.
	AskDimensions bool

	Timeout           time.Duration // of one request, default 30 s
	MaxBatch          int           // texts a request, default 64
	MaxConcurrent     int           // requests at once, default 2
	RequestsPerMinute int           // 0 for no limit
	TokensPerMinute   int           // 0 for no limit
}

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = 64
	}
	if c.MaxConcurrent == 0 {
		c.MaxConcurrent = 2
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	return c
}

func (c Config) check() error {
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil: // which would repeat the address, and what is hidden in it
		return fmt.Errorf("address of the endpoint: not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Errorf("address of the endpoint: want http://HOST/v1 or https://HOST/v1")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return fmt.Errorf("address of the endpoint: no user, query or fragment in it; a key has its own setting")
	case c.Key.value != "" && u.Scheme == "http" && !loopback(u.Hostname()) && !c.PlainKey:
		return fmt.Errorf("key of the endpoint: %s is another machine, and plain HTTP would show the key on the way: use https", u.Hostname())
	}
	return c.checkModel()
}

func (c Config) checkModel() error {
	switch {
	case c.Model == "":
		return fmt.Errorf("model: missing")
	case c.Dimensions < 0 || c.Dimensions > 4000:
		return fmt.Errorf("dimensions: %d: want 1 to 4000, or 0", c.Dimensions)
	case c.AskDimensions && c.Dimensions == 0:
		return fmt.Errorf("dimensions: missing, but they are to be asked for")
	case min(int(c.Timeout), c.MaxBatch, c.MaxConcurrent, c.RequestsPerMinute, c.TokensPerMinute) < 0:
		return fmt.Errorf("limits: none may be negative")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
