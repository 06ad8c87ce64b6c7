package s3

import (
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	defaultTimeout = 30 * time.Second
	tries          = 5 // of a request
)

// Config says where a bucket is, and how to use it. See Parse.
type Config struct {
	Bucket   string
	Prefix   string // folders within it, without a slash at either end; empty for none
	Endpoint string // host, with its port where that is not the usual one
	Plain    bool   // HTTP without TLS
	Region   string
	// Lock is how long an object can neither be replaced nor deleted by whom
	// the bucket does not allow to bypass governance; 0: as the bucket says.
	Lock time.Duration
	// Credentials sign the requests; nil: those of the environment, of the
	// shared credentials file, or of the machine's role, in this order.
	Credentials *credentials.Credentials
	// Timeout ends a request after it has moved no byte for so long; default 30 s.
	Timeout time.Duration
	Now     func() time.Time // default time.Now
}

// Bucket is an archive.Target in an object store. Use Open.
type Bucket struct {
	cfg       Config
	core      minio.Core
	transport *http.Transport
	proving   chan struct{} // capacity 1: full while it is being proved, or
	proved    bool          // known, that the store keeps to conditions
}

// Open returns the bucket of a configuration. It sends nothing: whether the
// bucket is there and may be used shows at the first call. It fails when the
// configuration cannot be one of a store.
func Open(cfg Config) (*Bucket, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	transport, err := minio.DefaultTransport(!cfg.Plain)
	if err != nil {
		return nil, fmt.Errorf("open the archive %s: %w", cfg.address(), err)
	}
	if cfg.Credentials == nil {
		cfg.Credentials = usualCredentials(transport)
	}
	core, err := minio.NewCore(cfg.Endpoint, &minio.Options{
		Creds: cfg.Credentials, Secure: !cfg.Plain, Region: cfg.Region, Transport: transport, MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("open the archive %s: %w", cfg.address(), err)
	}
	return &Bucket{cfg: cfg, core: *core, transport: transport, proving: make(chan struct{}, 1)}, nil
}

// Close closes the connections that are idle.
func (b *Bucket) Close() { b.transport.CloseIdleConnections() }

// key is the name of a file's object.
func (b *Bucket) key(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." {
		return "", fmt.Errorf("%.64q is no name in an archive", name)
	}
	return path.Join(b.cfg.Prefix, name), nil
}
