package main

import (
	"fmt"
	"time"
)

// pace tells a person, at a terminal, how far long work is: the rate and
// the time left. It writes at most twice a second.
type pace struct {
	a     *app
	verb  string
	step  string
	began time.Time
	told  time.Time
}

func newPace(a *app, verb string) *pace {
	return &pace{a: a, verb: verb, began: time.Now()}
}

func (p *pace) tell(step string, done, total uint64) {
	if p.a.json() || !isTerminal(p.a.stderr) {
		return
	}
	now := time.Now()
	if step != p.step {
		p.step, p.began, p.told = step, now, now
		return
	}
	if now.Sub(p.told) < 500*time.Millisecond {
		return
	}
	p.told = now
	rate := float64(done) / now.Sub(p.began).Seconds()
	left := ""
	if total > done && rate > 0 {
		left = fmt.Sprintf(" of %d, %v left", total, time.Duration(float64(total-done)/rate*float64(time.Second)).Round(time.Second))
	}
	fmt.Fprintf(p.a.stderr, "  %s %s: %d%s (%.0f/s)\n", p.verb, step, done, left, rate)
}
