package password_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/domain"
)

func TestFolderOfBreachedPasswords(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("0", 35) + ":1\r\n"
	for name, c := range map[string]struct {
		content string // of the file of the prefix; "-": there is none
		want    bool
		fails   bool
	}{
		"known":       {content: other + passwordSuffix + ":7\r\n", want: true},
		"lower case":  {content: strings.ToLower(passwordSuffix) + ":7\n", want: true},
		"never seen":  {content: other + passwordSuffix + ":0\n"},
		"not in it":   {content: other},
		"no such one": {content: "-", fails: true},
		"damaged":     {content: passwordSuffix + ":7\n<html>\n", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{"00000.txt": {Data: []byte(other)}}
			if c.content != "-" {
				files[passwordPrefix+".txt"] = &fstest.MapFile{Data: []byte(c.content)}
			}
			known, err := password.NewFolder(files)
			if err != nil {
				t.Fatal(err)
			}
			got, err := known(t.Context(), "password")
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("%v, %v", got, err)
			}
			if err != nil && (strings.Contains(err.Error(), passwordPrefix) || strings.Contains(err.Error(), passwordSuffix)) {
				t.Errorf("the error tells the hash: %v", err)
			}
		})
	}
	if _, err := password.NewFolder(fstest.MapFS{}); domain.KindOf(err) != domain.Invalid {
		t.Errorf("an empty folder: %v", err)
	}
}
