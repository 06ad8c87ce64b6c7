package s3

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// Scheme begins the addresses of buckets.
const Scheme = "s3://"

const (
	amazon        = "s3.amazonaws.com"
	defaultRegion = "us-east-1" // what stores that have none expect to be signed
	longestLock   = 36500       // days
)

// Parse reads the address of an archive in a bucket:
//
//	s3://bucket/prefix?endpoint=https://host:9000&region=eu-central-1&lock=30d&insecure=true
//
// Without an endpoint it is Amazon S3, and needs the region. The address holds
// no credentials; the error for one that does, or that cannot be read, does not
// repeat it.
func Parse(address string) (Config, error) {
	rest, ok := strings.CutPrefix(address, Scheme)
	if !ok {
		return Config{}, fmt.Errorf("the address of a bucket begins with %s", Scheme)
	}
	place, query, _ := strings.Cut(rest, "?")
	if strings.Contains(place, "@") {
		return Config{}, errInAddress
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return Config{}, errors.New("what follows the ? in the address of the bucket cannot be read: write name=value&name=value")
	}
	var c Config
	c.Bucket, c.Prefix, _ = strings.Cut(place, "/")
	c.Prefix = strings.TrimSuffix(c.Prefix, "/")
	if err := s3utils.CheckValidBucketNameStrict(c.Bucket); err != nil {
		return Config{}, fmt.Errorf("%.64q is no name of a bucket: %w", c.Bucket, err)
	}
	if c.Prefix != "" && (!fs.ValidPath(c.Prefix) || c.Prefix == ".") {
		return Config{}, fmt.Errorf("%.64q is no prefix in a bucket: write folders separated by single slashes", c.Prefix)
	}
	return c.with(values)
}

var errInAddress = errors.New("an address holds no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or use a credentials file or a role")

// with adds the parameters of an address.
func (c Config) with(values url.Values) (Config, error) {
	for name, all := range values {
		if len(all) != 1 || all[0] == "" {
			return Config{}, fmt.Errorf("the parameter %.32q of the bucket needs one value", name)
		}
		switch name {
		case "endpoint", "region", "lock", "insecure":
		default:
			return Config{}, fmt.Errorf("a bucket has no parameter %.32q, only endpoint, region, lock and insecure; credentials come from the environment", name)
		}
	}
	insecure := values.Get("insecure")
	if insecure != "" && insecure != "true" {
		return Config{}, errors.New("insecure of the bucket can only be true")
	}
	c.Region = values.Get("region")
	if strings.Trim(strings.ToLower(c.Region), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return Config{}, fmt.Errorf("%.64q is no region", c.Region)
	}
	if err := c.setLock(values.Get("lock")); err != nil {
		return Config{}, err
	}
	return c, c.setEndpoint(values.Get("endpoint"), insecure == "true")
}

func (c *Config) setLock(text string) error {
	if text == "" {
		return nil
	}
	days, ok := strings.CutSuffix(text, "d")
	n, err := strconv.Atoi(days)
	if !ok || err != nil || n < 1 || n > longestLock {
		return fmt.Errorf("lock=%.32s is no number of days such as 30d", text)
	}
	c.Lock = time.Duration(n) * 24 * time.Hour
	return nil
}

func (c *Config) setEndpoint(text string, insecure bool) error {
	if text == "" {
		if c.Region == "" {
			return errors.New("a bucket needs its region (region=eu-central-1), or the address of its store (endpoint=https://host:9000)")
		}
		c.Endpoint = amazon
		return nil
	}
	u, err := parseEndpoint(text)
	if err != nil {
		return err
	}
	if u.Scheme == "http" && !insecure && !loopback(u.Hostname()) {
		return fmt.Errorf("the endpoint http://%s sends the archive unencrypted: use https://, or, in a network that you trust, add insecure=true", u.Host)
	}
	c.Endpoint, c.Plain = u.Host, u.Scheme == "http"
	if c.Region == "" {
		c.Region = defaultRegion
	}
	return nil
}

func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("the endpoint of the bucket cannot be read: write endpoint=https://host:9000")
	case u.User != nil:
		return nil, errInAddress
	case u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the endpoint of the bucket is only https://host:port")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the endpoint of the bucket begins with https://")
	}
	return u, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// address is how the archive is named in errors: without parameters.
func (c Config) address() string {
	return strings.TrimSuffix(Scheme+c.Bucket+"/"+c.Prefix, "/")
}
