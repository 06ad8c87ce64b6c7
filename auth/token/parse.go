package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// head is the header of a token.
type head struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	Key       string `json:"kid"`
}

var kidPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// memberPattern has no letter that encoding/json takes for another one: to it,
// "ſub" is "sub".
var memberPattern = regexp.MustCompile(`^[a-z0-9_]+$`)

// parts takes a token apart, as strictly as its makers write it.
func parts(token string) (h head, claims []byte, err error) {
	if len(token) > MaxToken {
		return h, nil, fmt.Errorf("%d bytes", len(token))
	}
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, found := strings.Cut(rest, ".")
	if !found || strings.Contains(signature, ".") {
		return h, nil, errors.New("not three parts")
	}
	strict := base64.RawURLEncoding.Strict()
	for _, p := range [...]string{header, payload, signature} {
		if strings.ContainsAny(p, "\r\n") {
			return h, nil, errors.New("a line break in the encoding")
		}
	}
	raw, err := strict.DecodeString(header)
	if err != nil {
		return h, nil, fmt.Errorf("header: %w", err)
	}
	if err := object(raw, &h); err != nil {
		return h, nil, fmt.Errorf("header: %w", err)
	}
	if claims, err = strict.DecodeString(payload); err != nil {
		return h, nil, fmt.Errorf("claims: %w", err)
	}
	if _, err = strict.DecodeString(signature); err != nil {
		return h, nil, fmt.Errorf("signature: %w", err)
	}
	switch {
	case h.Algorithm != "EdDSA":
		return h, nil, fmt.Errorf("algorithm %.20q", h.Algorithm)
	case !kidPattern.MatchString(h.Key):
		return h, nil, errors.New("the key id is none")
	}
	return h, claims, nil
}

// object decodes one JSON object that has no member twice and none that out
// does not know. Names are compared exactly.
func object(data []byte, out any) error {
	if err := plain(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(out); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}

// plain refuses what readers of JSON disagree about: a member that stands
// twice, that is null, or whose name differs from a known one in its case only.
func plain(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	first, err := dec.Token()
	if err != nil || first != json.Delim('{') {
		return errors.New("no object")
	}
	return members(dec, 0)
}

// maxDepth is how deep objects may stand in each other.
const maxDepth = 4

// members reads the rest of an object.
func members(dec *json.Decoder, depth int) error {
	if depth > maxDepth {
		return errors.New("nested too deep")
	}
	seen := make(map[string]bool, 12)
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		key, ok := name.(string)
		if !ok || seen[key] || !memberPattern.MatchString(key) {
			return fmt.Errorf("member %.40q twice, or in other letters", key)
		}
		seen[key] = true
		value, err := dec.Token()
		if err != nil {
			return err
		}
		switch value {
		case json.Delim('{'):
			err = members(dec, depth+1)
		case json.Delim('['):
			err = errors.New("an array")
		case nil:
			err = errors.New("a null")
		}
		if err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}
