package password

import (
	"bufio"
	"context"
	"crypto/sha1" // the protocol's; nothing rests on its strength
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

const (
	prefixSize      = 5       // hex digits of the hash that are sent
	suffixSize      = 35      // hex digits that are not
	maxAnswer       = 1 << 20 // bytes; a padded answer has about 40,000
	defaultDeadline = 3 * time.Second
)

// RangeConfig says where a list of breached passwords is asked.
type RangeConfig struct {
	URL     string        // up to the prefix, such as https://api.pwnedpasswords.com/range/
	Client  *http.Client  // its transport is used; redirects are not followed
	Timeout time.Duration // of one question; 0: 3 s
}

// NewRange returns a Breached that asks by the range protocol of Have I Been
// Pwned (k-anonymity: Li et al., CCS 2019): the first 5 of the 40 hex digits
// of the password's SHA-1 are sent, all known hashes that begin so come back,
// and they are compared here. The answer is asked to be padded, so that its
// length does not tell the prefix either. It fails with kind Invalid when the
// URL is neither https nor http to a loopback address, or Client is nil.
//
// What it returns fails when there is no answer in time, or one that is longer
// than 1 MiB or not of the protocol. No error tells any part of the hash.
func NewRange(c RangeConfig) (Breached, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, domain.InvalidField("url", "must be an https URL without a query, or an http one to a loopback address")
	}
	if c.Client == nil {
		return nil, domain.InvalidField("client", "must be given")
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultDeadline
	}
	client := *c.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	base := strings.TrimSuffix(u.String(), "/") + "/"
	return func(ctx context.Context, password string) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		sum := sha1.Sum([]byte(password))
		hash := strings.ToUpper(hex.EncodeToString(sum[:]))
		body, err := get(ctx, &client, base+hash[:prefixSize])
		if err != nil {
			return false, fmt.Errorf("ask the list of breached passwords at %s: %w", u.Host, err)
		}
		defer body.Close()
		found, err := search(body, hash[prefixSize:])
		if err != nil {
			return false, fmt.Errorf("read the list of breached passwords at %s: %w", u.Host, err)
		}
		return found, nil
	}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// get returns the body of a good answer.
func get(ctx context.Context, client *http.Client, address string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("the request cannot be made")
	}
	req.Header.Set("Add-Padding", "true")
	req.Header.Set("User-Agent", "hivemesh")
	res, err := client.Do(req)
	if err != nil {
		if e := (*url.Error)(nil); errors.As(err, &e) {
			err = e.Err // without the URL, which holds the prefix
		}
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	return res.Body, nil
}

// search reads the whole answer, lines of SUFFIX:COUNT, and reports whether
// suffix is in it. Lines of padding have the count 0. The whole is read so
// that an answer of another kind, such as a proxy's page, is never a no.
func search(body io.Reader, suffix string) (bool, error) {
	limited := &io.LimitedReader{R: body, N: maxAnswer + 1}
	lines, found := bufio.NewScanner(limited), false
	for lines.Scan() {
		got, count, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		n, err := strconv.ParseUint(count, 10, 64)
		if !ok || err != nil || len(got) != suffixSize {
			return false, errors.New("the answer is not of the range protocol")
		}
		if n > 0 && strings.EqualFold(got, suffix) {
			found = true
		}
	}
	if limited.N == 0 {
		return false, errors.New("the answer is too long")
	}
	if err := lines.Err(); err != nil {
		return false, err
	}
	return found, nil
}
