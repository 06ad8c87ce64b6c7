package domain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

func TestNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		s            string
		name, tenant bool
	}{
		{"a", true, true},
		{"acme-2", true, true},
		{"0", true, true},
		{"Acme", true, false},
		{"lang/go:1.26_x-y", true, false},
		{strings.Repeat("a", 63), true, true},
		{strings.Repeat("a", 64), false, false},
		{"", false, false},
		{"-a", false, false},
		{".a", false, false},
		{"a b", false, false},
		{"a\n", false, false},
		{"a\x00", false, false},
		{"*", false, false},
		{">", false, false},
		{"größe", false, false},
		{"аdmin", false, false}, // the first letter is Cyrillic
	} {
		if got := domain.ValidName(tt.s); got != tt.name {
			t.Errorf("ValidName(%q) = %t", tt.s, got)
		}
		if got := domain.ValidTenant(tt.s); got != tt.tenant {
			t.Errorf("ValidTenant(%q) = %t", tt.s, got)
		}
		if got := domain.CheckName("f", tt.s) == nil; got != tt.name {
			t.Errorf("CheckName(%q) accepts: %t", tt.s, got)
		}
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	most := map[string]string{}
	for i := range domain.MaxLabels {
		most[fmt.Sprintf("k%d", i)] = "v"
	}
	over := maps.Clone(most)
	over["more"] = "v"
	for _, tt := range []struct {
		name   string
		labels map[string]string
		wrong  string // part of the message; "" for fine
	}{
		{"none", nil, ""},
		{"most", most, ""},
		{"too many", over, "at most 32"},
		{"empty value", map[string]string{"k": ""}, ""},
		{"value in any script", map[string]string{"k": "größe 半分 👩‍🚀"}, ""},
		{"longest value", map[string]string{"k": strings.Repeat("v", domain.MaxLabelValue)}, ""},
		{"value too long", map[string]string{"k": strings.Repeat("v", domain.MaxLabelValue+1)}, `"k" is longer than 256 bytes`},
		{"bytes count, not letters", map[string]string{"k": strings.Repeat("ö", domain.MaxLabelValue/2+1)}, `"k" is longer`},
		{"value not UTF-8", map[string]string{"k": "\xc3"}, "UTF-8"},
		{"value with NUL", map[string]string{"k": "a\x00"}, "control character"},
		{"value with C1 control", map[string]string{"k": "a\u009b"}, "control character"},
		{"empty key", map[string]string{"": "v"}, `"" is not a label name`},
		{"long key is cut in the message", map[string]string{strings.Repeat("k", 1<<20): "v"}, strings.Repeat("k", 64) + `" is`},
		{"the first by key is named", map[string]string{"c c": "", "b b": "", "d": "\x00"}, `"b b"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := domain.CheckLabels(tt.labels)
			if tt.wrong == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			var e *domain.Error
			if !errors.As(err, &e) || e.Kind != domain.Invalid || e.Field != "labels" || !strings.Contains(e.Message, tt.wrong) || len(e.Message) > 300 {
				t.Errorf("error %v, want one about %s", err, tt.wrong)
			}
		})
	}
}

func TestCheckTime(t *testing.T) {
	t.Parallel()
	last := time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		at time.Time
		ok bool
	}{
		{time.Time{}, true},
		{last, true},
		{last.Add(time.Hour), false},
		{last.Add(time.Hour).In(time.FixedZone("", -7200)), true}, // still the old year there
		{time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		err := domain.CheckTime("deadline", tt.at)
		if (err == nil) != tt.ok || (err != nil && domain.KindOf(err) != domain.Invalid) {
			t.Errorf("CheckTime(%s) = %v", tt.at, err)
		}
		if _, jsonErr := json.Marshal(tt.at); (jsonErr == nil) != tt.ok {
			t.Errorf("JSON of %s: %v", tt.at, jsonErr)
		}
	}
}

func TestPayload(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		payload domain.Payload
		zero    bool
		want    string
	}{
		{domain.Payload{}, true, `{}`},
		{domain.Payload{Inline: json.RawMessage{}}, true, `{}`},
		{domain.Payload{Inline: json.RawMessage(`null`)}, false, `{"p":{"inline":null}}`},
		{domain.Payload{Artifact: &domain.Artifact{Digest: "sha256:0", Size: 1, MediaType: "m"}}, false, `{"p":{"artifact":{"digest":"sha256:0","size":1,"media_type":"m"}}}`},
	} {
		data, err := json.Marshal(struct {
			P domain.Payload `json:"p,omitzero"`
		}{tt.payload})
		if tt.payload.IsZero() != tt.zero || err != nil || string(data) != tt.want {
			t.Errorf("%s, zero %t, %v; want %s", data, tt.payload.IsZero(), err, tt.want)
		}
	}
}

func TestMillis(t *testing.T) {
	t.Parallel()
	if got := domain.Millis(1_500).Duration(); got != 1500*time.Millisecond {
		t.Errorf("1500 ms are %s", got)
	}
}
