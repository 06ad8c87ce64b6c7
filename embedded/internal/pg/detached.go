package pg

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// StartDetached is Start for a server that outlives this process. Its log is
// c.Dir/server.log.
func (c *Cluster) StartDetached(ctx context.Context) error {
	if err := c.stopLeftover(ctx); err != nil {
		return err
	}
	var err error
	for range startAttempts {
		if err = c.choosePort(); err != nil {
			return err
		}
		cmd := c.command(ctx, "pg_ctl", "start", "--wait", "--timeout=60", "--silent",
			"--pgdata", c.data(), "--log", c.path("server.log"), "--options", strings.Join(c.serverOptions(), " "))
		cmd.WaitDelay = attemptPause
		if _, err = output(cmd); err == nil {
			return nil
		}
		if !pause(ctx, attemptPause) {
			break
		}
	}
	text, _ := os.ReadFile(c.path("server.log")) // none: the error says enough
	return fmt.Errorf("start PostgreSQL in %s: %w%s", c.Dir, err, lastLines(string(text), 4))
}
