package pg

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// suite is a Debian release that has both PostgreSQL and pgvector.
type suite struct {
	name  string
	major int
}

func (s suite) majorText() string { return strconv.Itoa(s.major) }

// wanted lists the packages that the closure is computed for.
func (s suite) wanted() []string {
	server := "postgresql-" + s.majorText()
	return []string{server, server + "-pgvector", "patchelf", "tzdata"}
}

func suiteByName(name string) (suite, error) {
	switch name {
	case "forky":
		return suite{name, 18}, nil
	case "trixie":
		return suite{name, 17}, nil
	}
	return suite{}, fmt.Errorf("unknown Debian suite %q: known are forky and trixie", name)
}

// unneeded matches packages that a private server never runs: maintainer
// scripts' tools, login, LLVM for JIT, locales, and the base system.
var unneeded = regexp.MustCompile(`^(` + strings.Join([]string{
	`perl(-.*)?`, `libperl.*`, `lib.*-perl`, `debconf`, `libdebconf.*`, `ucf`, `ssl-cert`, `ca-certificates`,
	`openssl(-provider-legacy)?`, `locales`, `libc-(bin|l10n)`, `libpam-.*`, `libaudit-common`, `libsemanage.*`, `libsepol.*`,
	`passwd`, `login.*`, `adduser`, `base-passwd`, `procps`, `libproc2.*`, `sensible-utils`, `sysvinit-utils`,
	`init-system-helpers`, `netbase`, `tzdata-legacy`, `readline-common`, `libdb5.*`, `libgdbm.*`, `libsasl2-modules.*`,
	`libllvm.*`, `libz3.*`, `postgresql-\d+-jit.*`, `postgresql-common.*`, `postgresql-client-common`, `gcc-.*-base`,
	`dpkg`, `tar`, `mawk`, `bash`, `dash`, `coreutils`, `sed`, `debianutils`, `diffutils`, `findutils`, `grep`, `gzip`,
	`hostname`, `bsdutils`, `util-linux`, `mount`,
}, "|") + `)$`)

// machine is what Debian calls this processor.
type machine struct {
	arch    string // amd64
	triplet string // x86_64-linux-gnu
	loader  string // file name of the dynamic loader
}

func thisMachine(ctx context.Context) (machine, error) {
	for _, tool := range []string{"dpkg", "apt-get"} {
		if _, err := exec.LookPath(tool); err != nil {
			return machine{}, fmt.Errorf("ready-made packages need %s, which is not here", tool)
		}
	}
	out, err := exec.CommandContext(ctx, "dpkg", "--print-architecture").Output()
	if err != nil {
		return machine{}, fmt.Errorf("ask dpkg for the architecture: %w", err)
	}
	switch arch := strings.TrimSpace(string(out)); arch {
	case "amd64":
		return machine{arch, "x86_64-linux-gnu", "ld-linux-x86-64.so.2"}, nil
	case "arm64":
		return machine{arch, "aarch64-linux-gnu", "ld-linux-aarch64.so.1"}, nil
	default:
		return machine{}, fmt.Errorf("no ready-made packages for architecture %s", arch)
	}
}
