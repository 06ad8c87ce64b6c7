package main

import (
	"net"
	"testing"
)

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		given, listens, want string
	}{
		{"", "127.0.0.1:7300", "http://localhost:7300"},
		{"", "[::1]:7300", "http://localhost:7300"},
		{"", "0.0.0.0:80", "http://localhost"},
		{"", "10.0.0.7:7300", "http://10.0.0.7:7300"},
		{"https://mesh.example.com", "0.0.0.0:80", "https://mesh.example.com"},
		{"https://mesh.example.com:8443/", "0.0.0.0:80", "https://mesh.example.com:8443"},
		{"https://Mesh.Example.com:443", "0.0.0.0:80", "https://mesh.example.com"},
		{"http://mesh.example.com:443", "0.0.0.0:80", "http://mesh.example.com:443"},
		{"http://localhost:9", "127.0.0.1:7300", "http://localhost:9"},
		{"mesh.example.com", "0.0.0.0:80", ""},
		{"ftp://mesh.example.com", "0.0.0.0:80", ""},
		{"https://", "0.0.0.0:80", ""},
		{"https://mesh.example.com/mesh", "0.0.0.0:80", ""},
		{"https://user@mesh.example.com", "0.0.0.0:80", ""},
		{"https://mesh.example.com?x=y", "0.0.0.0:80", ""},
	} {
		a, err := net.ResolveTCPAddr("tcp", test.listens)
		if err != nil {
			t.Fatal(err)
		}
		got, err := browserFlags{PublicURL: test.given}.public(a)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q on %s: %q, %v, want %q", test.given, test.listens, got, err, test.want)
		}
	}
}
