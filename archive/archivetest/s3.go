// Package archivetest gives tests real targets of archives, an S3 server in the
// process among them, and the contract that every target keeps.
package archivetest

import (
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/hivemesh/hivemesh/archive/s3"
)

// Secret is in the credentials of the servers of this package, and must be
// nowhere else.
const Secret = "secret-of-the-bucket"

const bucket = "archive"

// S3 starts a server with an empty bucket, behind front if that is not nil, and
// stops it when the test ends. It returns where the bucket is.
func S3(t testing.TB, front func(http.Handler) http.Handler) s3.Config {
	t.Helper()
	server := httptest.NewServer(handler(t, front))
	t.Cleanup(server.Close)
	return config(strings.TrimPrefix(server.URL, "http://"), true)
}

// S3TLS is S3 over TLS, with the certificate of the server, which nobody trusts.
func S3TLS(t testing.TB) (s3.Config, *x509.Certificate) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler(t, nil))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it are tested
	server.StartTLS()
	t.Cleanup(server.Close)
	return config(strings.TrimPrefix(server.URL, "https://"), false), server.Certificate()
}

func config(endpoint string, plain bool) s3.Config {
	return s3.Config{
		Bucket: bucket, Prefix: "meshes/one", Endpoint: endpoint, Plain: plain, Region: "us-east-1",
		Credentials: credentials.NewStaticV4("key", Secret, ""), Timeout: 20 * time.Second,
	}
}

func handler(t testing.TB, front func(http.Handler) http.Handler) http.Handler {
	t.Helper()
	store := s3mem.New()
	if err := store.CreateBucket(bucket); err != nil {
		t.Fatalf("make a bucket: %v", err)
	}
	h := gofakes3.New(store, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	if front != nil {
		h = front(h)
	}
	return h
}
