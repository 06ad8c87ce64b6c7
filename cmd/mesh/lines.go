package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// scanLines calls f with every line of r that is not blank. The line is only
// valid during the call.
func scanLines(r io.Reader, from string, f func(n int, line []byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxInput+64<<10)
	for n := 1; s.Scan(); n++ {
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := f(n, line); err != nil {
			return err
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return usagef("%s: a line is over the limit of %s", from, bytesText(maxInput))
	}
	if s.Err() != nil {
		return fmt.Errorf("read %s: %w", from, s.Err())
	}
	return nil
}
