// Package workers coordinates: it gives waiting tasks to agents and does what
// time brings. It reads the log, and acts only through package commands.
//
//	 log ──tail──► fold: open tasks, agents ──► matching ──► assign ──► log, then
//	                 ▲         │                                        hint to agent
//	heartbeats ──────┘         ├──► timers ──► expire · exceed · hint again
//	                           └──► liveness ► lose · return
//
// Time is kept to 50 ms. One goroutine, the loop, owns all of this; all else reaches it over
// channels and mailboxes that never hold back the sender.
//
// # Who acts
//
// Every node folds the log all the time; one at a time acts. The right to act
// is a lease: an entry in a KV bucket that lives for three seconds and is
// renewed four times in them by a conditional write.
//
//	following ──(caught up; no entry; created ours)──► holding
//	    ▲                                                 │ log read, folded and loaded
//	    │                                                 │ up to its end at that moment
//	    │                                                 ▼
//	    └──(not renewed in 80% of the TTL, by own      acting
//	        clock; refused; stopped: entry deleted)───────┘
//
// The revision at which the entry was created is the term: later leaders have
// higher ones. Whoever begins to act looks at every task, and gives every
// lease and every agent a full term from then.
//
// # What is guaranteed
//
//   - A task is assigned only while it waits, to an agent that may be given
//     work, serves its queue and has all its capabilities: appended on the
//     task's last event, so of two leaders one wins.
//   - One leader never gives an agent more than its capacity. Free slots are
//     what the log says, less assignments on their way. Two leaders at a time
//     could; agents refuse what is above their capacity or of an older term.
//   - Within a tenant, higher priority first, then age. The least loaded agent
//     that fits, then the one whose load has not changed for longest. Whenever
//     the loop rests, nothing waits that a free agent could take, up to 2,000
//     effects on their way at a time; tenants take turns in these.
//   - An agent that was not heard of for two heartbeats is given no new work
//     until it is heard again.
//   - Handing work back costs no attempt, and yet cannot go round for ever at
//     full speed. An agent that does it is given nothing for 1, 2, 4 … 30 s, by
//     how often in a row, so that others are asked first; a task that it happens
//     to a second time in a row rests for 1, 2, 4 … 60 s. A row ends when an
//     attempt completes or fails, for the agent also when it comes back.
//   - An agent that is lost or left, and holds nothing, is kept out of all that
//     goes over agents; the log or its heartbeat brings it back.
//   - An attempt ends when its agent was silent about it for the task's lease,
//     or is lost or left. A lease runs from the latest of the attempt's last
//     event, the agent's last heartbeat that names the attempt, and the
//     take-over, all by the clock of the node that acts.
//   - An agent is lost after three heartbeats' silence, counted from the last
//     take-over, stall of the loop or late renewal at the earliest, and only if
//     the lease was renewed after the silence was found.
//   - Messages to agents are hints and may be lost: an assignment is told again
//     after 2, 4, 8 … 30 s until its agent begins, names it in a heartbeat or
//     loses it; Open tells all of them.
//
// # When things fail
//
//	what                          then
//	----                          ----
//	leader dies                   another acts when the entry ran out: under 5 s
//	leader stops                  it waits for its effects and deletes the entry; those who watch it
//	                              act at once, or under 1 s if they missed it
//	leader is cut off             it stops by its own clock before the entry runs out
//	leader sleeps, then wakes     wall clock shows it; its late appends conflict
//	append conflicts              the tail brings what won; looked at again after 1 s
//	outcome unknown               the slot stays reserved until the log shows it, or 10 s;
//	                              then tried on the same last event: at most one wins
//	log down or full              effects pause for 500 ms, then go on
//	tail behind                   late decisions conflict; heartbeats of unknown attempts
//	                              change nothing
//	hint or heartbeat lost        told again; three heartbeats in a row make an agent lost
//	agent lost, comes back        agent.returned; what it names that is not current is revoked
//	finished task requeued        its history is loaded beside the loop; until then nothing
//	                              is done about it, and no node begins to act without it
//	agent hands all work back     it rests, up to 30 s at a time; others are asked
//	an artifact without an event  the leader removes it after a day (eventstore.ArtifactCollector)
//	input over 4 KiB              not kept; read from the log when the agent is told
//	event of a newer binary       that task or agent is left alone, and Why and Health say so
package workers
