package s3_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/archive/s3"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]s3.Config{
		"s3://backups?region=eu-central-1":                                    {Bucket: "backups", Endpoint: "s3.amazonaws.com", Region: "eu-central-1"},
		"s3://backups/?region=eu-central-1":                                   {Bucket: "backups", Endpoint: "s3.amazonaws.com", Region: "eu-central-1"},
		"s3://backups/mesh/one/?endpoint=https://store.example:9000":          {Bucket: "backups", Prefix: "mesh/one", Endpoint: "store.example:9000", Region: "us-east-1"},
		"s3://backups/mesh?endpoint=http://127.0.0.1:9000&region=garage":      {Bucket: "backups", Prefix: "mesh", Endpoint: "127.0.0.1:9000", Plain: true, Region: "garage"},
		"s3://backups/mesh?endpoint=http://[::1]:9000/":                       {Bucket: "backups", Prefix: "mesh", Endpoint: "[::1]:9000", Plain: true, Region: "us-east-1"},
		"s3://backups/mesh?endpoint=http://store:9000&insecure=true&lock=30d": {Bucket: "backups", Prefix: "mesh", Endpoint: "store:9000", Plain: true, Region: "us-east-1", Lock: 30 * 24 * time.Hour},
	} {
		got, err := s3.Parse(address)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", address, err, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for address, hint := range map[string]string{
		"/srv/archive":                                               "begins with s3://",
		"s3://backups":                                               "needs its region",
		"s3://?region=x":                                             "no name of a bucket",
		"s3://UPPER?region=x":                                        "no name of a bucket",
		"s3://b_1/x?region=x":                                        "no name of a bucket",
		"s3://backups/a//b?region=x":                                 "no prefix",
		"s3://backups/../b?region=x":                                 "no prefix",
		"s3://backups?region=x%zz":                                   "cannot be read",
		"s3://backups?region=x&region=y":                             "one value",
		"s3://backups?region=":                                       "one value",
		"s3://backups?region=a/b":                                    "no region",
		"s3://backups?region=x&lock=30":                              "such as 30d",
		"s3://backups?region=x&lock=0d":                              "such as 30d",
		"s3://backups?region=x&insecure=yes":                         "only be true",
		"s3://backups?endpoint=http://store.example":                 "unencrypted",
		"s3://backups?endpoint=http://127.0.0.1.example":             "unencrypted",
		"s3://backups?endpoint=ftp://store.example":                  "begins with https://",
		"s3://backups?endpoint=store.example":                        "only https://host:port",
		"s3://backups?endpoint=https://store.example/path":           "only https://host:port",
		"s3://backups?endpoint=https://store.example%3Fx=y":          "only https://host:port",
		"s3://key:hunter2@backups?region=x":                          "AWS_ACCESS_KEY_ID",
		"s3://key:hunt%zzhunter2@backups?region=x":                   "AWS_ACCESS_KEY_ID",
		"s3://backups?endpoint=https://key:hunter2@store.example":    "AWS_ACCESS_KEY_ID",
		"s3://backups?endpoint=https://key:%25zzhunter2@store":       "cannot be read",
		"s3://backups?region=x&secret_access_key=hunter2":            "no parameter",
		"s3://backups?region=x&secret_access_key=hunter2&%zz":        "cannot be read",
		"s3://backups?region=x&endpoint=https://s.example%23hunter2": "only https://host:port",
	} {
		if _, err := s3.Parse(address); err == nil || !strings.Contains(err.Error(), hint) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %q", address, err, hint)
		}
	}
}
