package domain

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of labels.
const (
	MaxLabels     = 32
	MaxLabelValue = 256 // bytes
)

var (
	tenantPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	namePattern   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._/:-]{0,62}$`)
	modelPattern  = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._/:@-]{0,126}$`)
)

// ValidTenant reports whether s can name a tenant: it becomes one token of a
// subject, so it is lower-case letters, digits and dashes, 63 at most.
func ValidTenant(s string) bool { return tenantPattern.MatchString(s) }

// ValidName reports whether s can name a queue, a capability, a label key or
// an agent: ASCII letters, digits and . _ / : - inside, 63 characters at most.
func ValidName(s string) bool { return namePattern.MatchString(s) }

// CheckName returns an Invalid error about field when s is not a ValidName.
func CheckName(field, s string) error {
	if !ValidName(s) {
		return InvalidField(field, "%.64q is not a name: letters, digits and . _ / : - only, a letter or digit first, at most 63", s)
	}
	return nil
}

// CheckNames returns an Invalid error about field when there are more than
// most names, or one of them is not a ValidName.
func CheckNames(field string, names []string, most int) error {
	if len(names) > most {
		return InvalidField(field, "%d given, at most %d allowed", len(names), most)
	}
	for _, n := range names {
		if err := CheckName(field, n); err != nil {
			return err
		}
	}
	return nil
}

// CheckModel returns an Invalid error about field when s cannot name a model
// that makes vectors of texts: ASCII letters, digits and . _ / : @ - inside,
// 127 characters at most.
func CheckModel(field, s string) error {
	if !modelPattern.MatchString(s) {
		return InvalidField(field, "%.128q is not the name of a model: letters, digits and . _ / : @ - only, a letter or digit first, at most 127", s)
	}
	return nil
}

// CheckLabels returns an Invalid error about the field "labels" when there are
// more than MaxLabels, a key is not a ValidName, or a value is not a text of
// at most MaxLabelValue bytes. Of several wrong labels the first by key is named.
func CheckLabels(labels map[string]string) error {
	if len(labels) > MaxLabels {
		return InvalidField("labels", "%d given, at most %d allowed", len(labels), MaxLabels)
	}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if !ValidName(k) {
			return InvalidField("labels", "%.64q is not a label name", k)
		}
		if wrong := textFault(labels[k], MaxLabelValue); wrong != "" {
			return InvalidField("labels", "the value of %q %s", k, wrong)
		}
	}
	return nil
}

// CheckText returns an Invalid error about field when s is longer than most
// bytes, is not valid UTF-8, or holds a control character. An empty text is fine.
func CheckText(field, s string, most int) error {
	if wrong := textFault(s, most); wrong != "" {
		return InvalidField(field, "%s", wrong)
	}
	return nil
}

// CheckTime returns an Invalid error about field when an event cannot hold t:
// RFC 3339 has the years 0 to 9999. The zero time is fine.
func CheckTime(field string, t time.Time) error {
	if _, err := t.MarshalText(); err != nil {
		return InvalidField(field, "%s is not a time of the years 0 to 9999", t)
	}
	return nil
}

// textFault says what is wrong with s; nothing for a text of at most most bytes.
func textFault(s string, most int) string {
	switch {
	case len(s) > most:
		return fmt.Sprintf("is longer than %d bytes", most)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return "holds a control character"
		}
	}
	return ""
}
