package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReadJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "in.json")
	write(t, file, "  {\"a\": 1}\n")
	big := filepath.Join(dir, "big.json")
	if err := os.WriteFile(big, []byte(`"`+strings.Repeat("x", maxInput)+`"`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ arg, stdin, want, wantErr string }{
		{``, ``, ``, ``},
		{`{"n":1}`, ``, `{"n":1}`, ``},
		{`@` + file, ``, `{"a": 1}`, ``},
		{`-`, `[1,2]`, `[1,2]`, ``},
		{`{"n":`, ``, ``, "not valid JSON"},
		{`-`, "{\n\"a\": oops}", ``, "line 2"},
		{`-`, ``, ``, "standard input is not valid JSON"},
		{`@/nonexistent`, ``, ``, "no such file"},
		{`@` + big, ``, ``, "over the limit of 8.0 MiB"},
	} {
		a := &app{stdin: strings.NewReader(test.stdin)}
		got, err := a.readJSON("input", test.arg)
		switch {
		case test.wantErr == "" && (err != nil || string(got) != test.want):
			t.Errorf("%s: got %s, %v", test.arg, got, err)
		case test.wantErr != "" && (err == nil || !strings.Contains(err.Error(), test.wantErr)):
			t.Errorf("%s: got %v, want %q", test.arg, err, test.wantErr)
		}
	}
}

func TestReadMoment(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for s, want := range map[string]string{
		"10m":                       "2026-01-02T03:14:05Z",
		"-1h":                       "2026-01-02T02:04:05Z",
		"2027-05-06T07:08:09+02:00": "2027-05-06T07:08:09+02:00",
	} {
		got, err := readMoment("deadline", s, now)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: got %v, %v; want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"tomorrow", "10", "2026-13-01T00:00:00Z"} {
		if _, err := readMoment("deadline", s, now); err == nil || !strings.Contains(err.Error(), "--deadline") {
			t.Errorf("%s: got %v", s, err)
		}
	}
}

// TestCalledWrongly needs no mesh: each of these ends before one is asked.
func TestCalledWrongly(t *testing.T) {
	t.Parallel()
	env := environ{"MESH_DATA=" + t.TempDir(), "MESH_URL=http://127.0.0.1:1"}
	for _, test := range []struct {
		args  []string
		stdin string
		want  string
	}{
		{[]string{"nonsense"}, "", "unexpected argument nonsense"},
		{[]string{"task", "submit"}, "", "give --capability or --queue"},
		{[]string{"task", "submit", "-c", "x", "--input", "{"}, "", "not valid JSON"},
		{[]string{"task", "submit", "-c", "x", "--deadline", "soon"}, "", "neither a duration nor a time"},
		{[]string{"task", "submit", "-c", "x", "--lease", "long"}, "", "--lease"},
		{[]string{"task", "submit", "-c", "x", "--priority", "high"}, "", "--priority"},
		{[]string{"task", "submit", "--batch", "-", "--input", "1"}, "", "leave out --input"},
		{[]string{"task", "submit", "--batch", "-"}, "{\"queue\":\"a\"}\n{\"quue\":\"a\"}\n", "line 2 is not a task: json: unknown field \"quue\""},
		{[]string{"task", "submit", "--batch", "-"}, "{\"queue\":\"a\"} {}\n", "more than one value"},
		{[]string{"task", "ls", "--limit", "1001"}, "", "not between 1 and 1000"},
		{[]string{"task", "show", "x", "--result", "--input"}, "", "can't be used together"},
		{[]string{"task", "wait"}, "", "expected \"<id> ...\""},
		{[]string{"agent", "run", "--name", "a", "--", "cat"}, "", "give --capability or --queue"},
		{[]string{"agent", "run", "-c", "x", "--", "cat"}, "", "give --name, or the --identity"},
		{[]string{"agent", "run", "--name", "a", "-c", "x"}, "", "expected \"<command> ...\""},
		{[]string{"agent", "run", "--name", "a", "-c", "x", "--capacity", "0", "--", "cat"}, "", "--capacity: 0 is less than 1"},
		{[]string{"agent", "run", "--name", "a", "-c", "x", "--", "no-such-program"}, "", "there is no program \"no-such-program\""},
		{[]string{"event", "publish"}, "", "give --type"},
		{[]string{"event", "publish", "--batch", "-"}, "[]\n", "line 1 is not a CloudEvent"},
		{[]string{"event", "show", "abc"}, "", "neither a sequence number nor a position"},
		{[]string{"projection", "skip", "tasks", "k", "1"}, "", "missing flags: --reason"},
		{[]string{"projection", "skip", "tasks", "k", "1", "--reason", "r"}, "", "needs to be confirmed"},
		{[]string{"demo", "/nonexistent"}, "", "is not a directory"},
		{[]string{"help", "nope"}, "", "there is no command or topic \"nope\""},
		{[]string{"-o", "xml", "version"}, "", "--output must be one of \"table\",\"json\""},
		{[]string{"--url", "localhost:7300", "task", "ls"}, "", "is not the address of a mesh"},
	} {
		code, out, errs := call(t, env, test.stdin, test.args...)
		if code != exitUsage || !strings.Contains(errs, test.want) || out != "" {
			t.Errorf("mesh %s: exit %d, stdout %q, stderr %q; want %q", strings.Join(test.args, " "), code, out, errs, test.want)
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	env := environ{"MESH_DATA=" + t.TempDir(), "MESH_URL=http://127.0.0.1:1"}
	code, _, errs := call(t, env, "", "task", "ls")
	if code != exitUnavailable || !strings.Contains(errs, "no mesh answers at http://127.0.0.1:1") || !strings.Contains(errs, "mesh up") {
		t.Errorf("exit %d, %s", code, errs)
	}
	code, _, errs = call(t, env, "", "-o", "json", "task", "ls")
	if code != exitUnavailable || !strings.HasPrefix(errs, `{"error":{"exit":6,"code":"unreachable"`) {
		t.Errorf("exit %d, %s", code, errs)
	}
	for _, args := range [][]string{
		{"event", "tail"},
		{"task", "watch", "00000000-0000-5000-8000-000000000000"},
		{"task", "submit", "-c", "x"},
		{"agent", "run", "--name", "a", "-c", "x", "--", "cat"},
		{"projection", "verify"},
	} {
		if code, _, errs = call(t, env, "", args...); code != exitUnavailable || !strings.Contains(errs, "no mesh answers at") {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
	code, out, _ := call(t, env, "", "doctor")
	if code != exitFailed || !strings.Contains(out, "FAIL  mesh") {
		t.Errorf("doctor: exit %d, %s", code, out)
	}
	if code, out, _ = call(t, env, "", "version"); code != exitOK || !strings.HasPrefix(out, "mesh ") {
		t.Errorf("version: exit %d, %s", code, out)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "task submit"},
		{[]string{"help"}, "task submit"},
		{[]string{"--help"}, "exit-codes"},
		{[]string{"help", "task", "submit"}, "--capability"},
		{[]string{"help", "exit-codes"}, "130  interrupted"},
		{[]string{"help", "filter"}, "status:waiting,running"},
		{[]string{"help", "agent-programs"}, "::progress 40"},
		{[]string{"help", "configuration"}, "MESH_CONFIG"},
	} {
		code, out, errs := call(t, nil, "", test.args...)
		if code != exitOK || !strings.Contains(out, test.want) || errs != "" {
			t.Errorf("%v: exit %d, %s %s", test.args, code, out, errs)
		}
	}
}
