package workers

// effect is something that the leader does.
type effect int

const (
	nothing  effect = iota
	assign          // a waiting task gets an agent
	rehint          // the agent may not know of its attempt: say it again
	expire          // the attempt's lease is over, or its agent is lost
	takeBack        // the attempt's agent left in order: it costs no attempt
	exceed          // the task's deadline has passed
	lose            // the agent has been silent for too long
	comeBack        // a lost agent was heard again
)

func (e effect) String() string {
	return [...]string{"nothing", "assign", "rehint", "expire", "take back", "exceed", "lose", "return"}[e]
}
