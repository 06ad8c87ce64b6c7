package pg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// User is the owner of every cluster.
const User = "mesh"

// Cluster is a private database cluster in a directory:
//
//	data/      PostgreSQL's data directory
//	password   of User, readable by the owner only
//	port       where it listened last; kept as long as it is free
type Cluster struct {
	In       Installation
	Account  Account
	Dir      string // absolute
	Password string
	Port     int
	pinned   bool // Port is known to clients
}

// ClusterMajor returns the major version that made the cluster in dir, or 0
// when there is none.
func ClusterMajor(dir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "data", "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the database: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the database: %w", err)
	}
	return major, nil
}

// OpenCluster makes the cluster in dir when there is none, which takes about
// a second, and else reads its password. Settings are written at the making:
// lines of postgresql.conf. The directory that holds dir must be the caller's
// own: the server's account is let through it.
func OpenCluster(ctx context.Context, in Installation, dir string, settings []string, progress func(string)) (*Cluster, error) {
	account, err := ServerAccount()
	if err != nil {
		return nil, err
	}
	c := &Cluster{In: in, Account: account, Dir: dir}
	if err := c.prepareDir(); err != nil {
		return nil, err
	}
	major, err := ClusterMajor(dir)
	if err != nil {
		return nil, err
	}
	if major == 0 {
		progress("making a database in " + dir)
		if err := c.init(ctx, settings); err != nil {
			return nil, err
		}
	}
	password, err := os.ReadFile(c.path("password"))
	if err != nil {
		return nil, fmt.Errorf("read the database's password: %w", err)
	}
	c.Password = strings.TrimSpace(string(password))
	return c, nil
}

// ReadCluster reads how the server of the cluster in dir is reached, without
// touching it.
func ReadCluster(dir string) (*Cluster, error) {
	c := &Cluster{Dir: dir}
	password, err := os.ReadFile(c.path("password"))
	if err != nil {
		return nil, fmt.Errorf("read the database's password: %w", err)
	}
	port, err := os.ReadFile(c.path("port"))
	if err != nil {
		return nil, fmt.Errorf("read the database's port: %w", err)
	}
	c.Password = strings.TrimSpace(string(password))
	if c.Port, err = strconv.Atoi(strings.TrimSpace(string(port))); err != nil {
		return nil, fmt.Errorf("read the database's port: %w", err)
	}
	return c, nil
}

// URL returns the connection string of a database of the cluster.
func (c *Cluster) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(User, c.Password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

func (c *Cluster) path(name string) string { return filepath.Join(c.Dir, name) }

func (c *Cluster) data() string { return c.path("data") }

func (c *Cluster) prepareDir() error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("make the database's directory: %w", err)
	}
	if err := errors.Join(c.Account.admit(filepath.Dir(c.Dir)), c.Account.own(c.Dir)); err != nil {
		return fmt.Errorf("give the database's directory to user %s: %w", c.Account.Name, err)
	}
	if err := c.Account.checkReach(c.Dir, "data directory"); err != nil {
		return err
	}
	return c.Account.checkReach(c.program("postgres"), "PostgreSQL programs")
}

// init makes the cluster beside its place and moves it there when it is
// complete, so that a half-made one is never opened.
func (c *Cluster) init(ctx context.Context, settings []string) error {
	draft := c.path("data.new")
	if err := errors.Join(os.RemoveAll(draft), os.RemoveAll(c.data())); err != nil {
		return err
	}
	password := c.path("password")
	if err := os.WriteFile(password, []byte(rand.Text()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the database's password: %w", err)
	}
	if err := c.Account.own(password); err != nil {
		return err
	}
	args := []string{
		"--pgdata", draft, "--username", User, "--pwfile", password, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--data-checksums", "--no-instructions",
	}
	if c.In.Major >= 17 { // knows all of Unicode without the system's locales
		args = append(args, "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8")
	}
	if _, err := output(c.command(ctx, "initdb", args...)); err != nil {
		return fmt.Errorf("make a database in %s: %w", c.Dir, err)
	}
	conf, err := os.OpenFile(filepath.Join(draft, "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString("\n# Hivemesh\n" + strings.Join(settings, "\n") + "\n")
	if err := errors.Join(err, conf.Close()); err != nil {
		return fmt.Errorf("write the database's settings: %w", err)
	}
	return os.Rename(draft, c.data())
}

func (c *Cluster) program(name string) string { return filepath.Join(c.In.Bin, name) }

// command returns a program of the server's that will run as its account.
func (c *Cluster) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program(program), args...)
	cmd.Dir = c.Dir
	cmd.Env = serverEnv(c.Dir)
	cmd.SysProcAttr = c.Account.attr()
	return cmd
}

// serverEnv is our environment without what would change the server: PG… are
// defaults of its programs; locale and time zone would be taken over by initdb.
func serverEnv(home string) []string {
	foreign := []string{"LC", "LANG", "LANGUAGE", "LD", "HOME", "TZ"}
	env := []string{"LC_ALL=C", "TZ=UTC", "HOME=" + home}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if prefix, _, _ := strings.Cut(name, "_"); !slices.Contains(foreign, prefix) && !strings.HasPrefix(name, "PG") {
			env = append(env, kv)
		}
	}
	return env
}

// choosePort keeps the port that the server had in this process, which its
// clients know; at the first start it takes that of last time if it is free,
// else a free one, and remembers it. Another program may still be faster: then
// start again.
func (c *Cluster) choosePort() error {
	if c.pinned {
		port := c.Port // read by others: left alone
		return freePort(&port)
	}
	if b, err := os.ReadFile(c.path("port")); err == nil {
		port, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err == nil && freePort(&port) == nil {
			c.Port = port
			return nil
		}
	}
	c.Port = 0
	if err := freePort(&c.Port); err != nil {
		return fmt.Errorf("find a free port for PostgreSQL: %w", err)
	}
	return os.WriteFile(c.path("port"), []byte(strconv.Itoa(c.Port)+"\n"), 0o644)
}

// freePort checks that port can be listened on; 0 is replaced by a free one.
func freePort(port *int) error {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: *port})
	if err != nil {
		return err
	}
	*port = l.Addr().(*net.TCPAddr).Port
	return l.Close()
}

// serverOptions are the settings that are ours to decide at every start.
func (c *Cluster) serverOptions() []string {
	return []string{
		"-c", "port=" + strconv.Itoa(c.Port),
		"-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=",
		"-c", "jit=off",
		"-c", "logging_collector=off",
		"-c", "log_destination=stderr",
		"-c", "log_line_prefix=",
	}
}
