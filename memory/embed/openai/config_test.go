package openai_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/memory/embed/openai"
)

func TestSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	key, err := openai.NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	const good = "https://models.example/v1"
	for says, c := range map[string]openai.Config{
		"HOST":                    {BaseURL: "models.example/v1", Model: "m"},
		"no user":                 {BaseURL: "https://me:" + secret + "@models.example", Model: "m"},
		"query":                   {BaseURL: good + "?key=" + secret, Model: "m"},
		"not a URL":               {BaseURL: "https://" + secret + "\x7f", Model: "m"},
		"model: missing":          {BaseURL: good},
		"4001":                    {BaseURL: good, Model: "m", Dimensions: 4001},
		"to be asked for":         {BaseURL: good, Model: "m", AskDimensions: true},
		"negative":                {BaseURL: good, Model: "m", MaxBatch: -1},
		"models.example is anoth": {BaseURL: "http://models.example/v1", Model: "m", Key: key},
	} {
		_, err := openai.New(c)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", says, err)
		}
	}
	for _, c := range []openai.Config{
		{BaseURL: good, Model: "m", Key: key},
		{BaseURL: "http://models.example", Model: "m"},
		{BaseURL: "http://models.example", Model: "m", Key: key, PlainKey: true},
		{BaseURL: "http://[::1]:8080/v1", Model: "m", Key: key},
	} {
		if _, err := openai.New(c); err != nil {
			t.Errorf("%s: %v", c.BaseURL, err)
		}
	}
}

func TestKeyHides(t *testing.T) {
	t.Parallel()
	key, err := openai.NewKey(" " + secret + "\n")
	if err != nil {
		t.Fatal(err)
	}
	conf := openai.Config{Key: key}
	b, err := json.Marshal(conf)
	if err != nil {
		t.Fatal(err)
	}
	shown := string(b) + fmt.Sprintf("%v %+v %#v %s %q %x %d", conf, conf, conf, key, key, key, key)
	if !strings.Contains(string(b), `"Key":"[secret]"`) || strings.Contains(shown, secret) || strings.Contains(shown, fmt.Sprintf("%x", secret)) {
		t.Error("the key is shown:", shown)
	}
}

func TestKeyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if _, err := openai.ReadKey(write("good", secret+"\r\n")); err != nil {
		t.Error(err)
	}
	for _, path := range []string{
		write("empty", "\n"), write("two", secret+"\n"+secret), write("binary", secret+"\x00"), write("large", strings.Repeat("k", 1<<15)),
		filepath.Join(dir, "missing"), dir,
	} {
		if _, err := openai.ReadKey(path); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
}
