package s3

import (
	"errors"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// roleTimeout is for the service that tells a machine its role's credentials:
// where there is none, nothing may answer at all.
const roleTimeout = 5 * time.Second

var errNoCredentials = errors.New("there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or use a credentials file or a role")

// usualCredentials are those of the environment, else of the shared file, else
// of the role of the machine, the task or the service account.
func usualCredentials(transport http.RoundTripper) *credentials.Credentials {
	return credentials.New(&required{credentials.Chain{Providers: []credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{},
		&credentials.IAM{Client: &http.Client{Transport: transport, Timeout: roleTimeout}},
	}}})
}

// required is a chain that fails at its end, where a chain alone would go on
// without credentials.
type required struct{ credentials.Chain }

// RetrieveWithCredContext returns the first credentials found.
func (r *required) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	v, err := r.Chain.RetrieveWithCredContext(cc)
	if err == nil && v.AccessKeyID == "" {
		err = errNoCredentials
	}
	return v, err
}

// Retrieve returns the first credentials found.
func (r *required) Retrieve() (credentials.Value, error) {
	return r.RetrieveWithCredContext(nil)
}
