package s3_test

import (
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
)

// TestTLS: the contract holds over TLS, with a certificate that is trusted by
// SSL_CERT_FILE; another is refused.
func TestTLS(t *testing.T) {
	cfg, certificate := archivetest.S3TLS(t)
	if err := archivetest.Bucket(t, cfg).Put(t.Context(), "a/b", []byte("x")); !errors.Is(err, archive.ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody trusts: %v", err)
	}
	trusted := filepath.Join(t.TempDir(), "trusted.pem")
	if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", trusted)
	archivetest.Contract(t, archivetest.Bucket(t, cfg))
}
