package api

import (
	"slices"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/workers"
	"github.com/hivemesh/hivemesh/workers/archiver"
	"github.com/hivemesh/hivemesh/workers/driller"
)

// snapshot is what figures are taken from.
type snapshot struct {
	log  eventstore.Stats
	read projections.Health
	work workers.Health
	kept archiver.State
	test driller.State
}

// figures lists the metrics of log, read models and coordinator.
func figures() []figure {
	return slices.Concat(logFigures(), readFigures(), workFigures(), archiveFigures(), drillFigures())
}

func logFigures() []figure {
	return []figure{
		counter("log_appended_events_total", "Events stored.", func(s snapshot) uint64 { return s.log.Appended }),
		counter("log_appended_bytes_total", "Payload bytes stored.", func(s snapshot) uint64 { return s.log.Bytes }),
		counter("log_decisions_total", "Decisions stored.", func(s snapshot) uint64 { return s.log.Decisions }),
		counter("log_conflicts_total", "Decisions refused because the entity had moved on.", func(s snapshot) uint64 { return s.log.Conflicts }),
		counter("log_repeats_total", "Decisions that had been stored before.", func(s snapshot) uint64 { return s.log.Repeats }),
		counter("log_plain_publishes_total", "Decisions sent alone.", func(s snapshot) uint64 { return s.log.Plain }),
		counter("log_groups_total", "Groups of decisions sent together.", func(s snapshot) uint64 { return s.log.Groups }),
		counter("log_unknown_outcomes_total", "Decisions whose outcome had to be looked up.", func(s snapshot) uint64 { return s.log.Unknown }),
		counter("log_lost_outcomes_total", "Decisions whose outcome could not be found out.", func(s snapshot) uint64 { return s.log.Lost }),
		counter("log_tail_records_total", "Events read by the followers of the log.", func(s snapshot) uint64 { return s.log.TailRecords }),
		counter("log_tail_restarts_total", "Consumers replaced.", func(s snapshot) uint64 { return s.log.TailRestarts }),
		counter("log_foreign_messages_total", "Messages in the log that are no events.", func(s snapshot) uint64 { return s.log.TailForeign }),
		gauge("log_waiting_decisions", "Decisions not answered yet.", func(s snapshot) float64 { return float64(s.log.Waiting) }),
	}
}

func readFigures() []figure {
	return []figure{
		flag("postgres_connected", "Whether Postgres answers.", func(s snapshot) bool { return s.read.Connected }),
		flag("projection_owner", "Whether this node feeds the read models.", func(s snapshot) bool { return s.read.Owner }),
		flag("projection_stalled", "Whether a read model stands still while the log grows.", func(s snapshot) bool { return s.read.Stalled }),
		flag("projection_rebuilding", "Whether a read model is being rebuilt.", func(s snapshot) bool { return s.read.Rebuilding }),
		gauge("projection_lag_events", "Events that the slowest read model is behind the log.", func(s snapshot) float64 { return float64(s.read.Lag) }),
		gauge("projection_lag_seconds", "Age of the next unread event.", func(s snapshot) float64 { return s.read.LagTime.Seconds() }),
		gauge("projection_parked_events", "Events put aside.", func(s snapshot) float64 { return float64(s.read.Parked) }),
	}
}

func workFigures() []figure {
	return []figure{
		flag("coordinator_leader", "Whether this node coordinates.", func(s snapshot) bool { return s.work.Leader }),
		flag("coordinator_caught_up", "Whether the log has been folded.", func(s snapshot) bool { return s.work.CaughtUp }),
		gauge("coordinator_term", "Term of the leader last seen.", func(s snapshot) float64 { return float64(s.work.Term) }),
		gauge("tasks_open", "Tasks that are not final.", func(s snapshot) float64 { return float64(s.work.Tasks) }),
		gauge("tasks_waiting", "Tasks ready to be assigned.", func(s snapshot) float64 { return float64(s.work.Waiting) }),
		gauge("tasks_held", "Tasks assigned or running.", func(s snapshot) float64 { return float64(s.work.Held) }),
		gauge("agents_present", "Agents active or draining.", func(s snapshot) float64 { return float64(s.work.Agents) }),
		gauge("entities_read_only", "Tasks and agents with an event that this binary does not know.", func(s snapshot) float64 { return float64(s.work.ReadOnly) }),
		counter("assignments_total", "Assignments made by this node.", func(s snapshot) uint64 { return s.work.Assigned }),
		counter("leases_expired_total", "Attempts that were silent too long.", func(s snapshot) uint64 { return s.work.Expired }),
		counter("deadlines_exceeded_total", "Tasks that were not done in time.", func(s snapshot) uint64 { return s.work.Deadlines }),
		counter("agents_lost_total", "Agents declared lost.", func(s snapshot) uint64 { return s.work.Lost }),
		counter("agents_returned_total", "Lost agents heard again.", func(s snapshot) uint64 { return s.work.Returned }),
		counter("hints_total", "Assignments told to agents.", func(s snapshot) uint64 { return s.work.Hints }),
		counter("rehints_total", "Assignments told again.", func(s snapshot) uint64 { return s.work.Rehints }),
		counter("revocations_total", "Revocations told to agents.", func(s snapshot) uint64 { return s.work.Revoked }),
		counter("late_attempts_total", "Attempts named in a heartbeat that were over.", func(s snapshot) uint64 { return s.work.Late }),
		counter("coordinator_conflicts_total", "Effects that came second.", func(s snapshot) uint64 { return s.work.Conflicts }),
		counter("coordinator_stalls_total", "Times the coordinator itself was late.", func(s snapshot) uint64 { return s.work.LoopStalls }),
		counter("artifacts_collected_total", "Artifacts removed because no event names them.", func(s snapshot) uint64 { return s.work.Collected }),
		counter("heartbeats_dropped_total", "Heartbeats dropped because too many came at a time.", func(s snapshot) uint64 { return s.work.LostBeats }),
		counter("takeovers_total", "Times this node began to lead.", func(s snapshot) uint64 { return s.work.Takeovers }),
	}
}

func archiveFigures() []figure {
	return []figure{
		flag("archive_active", "Whether this node archives the log.", func(s snapshot) bool { return s.kept.Active }),
		gauge("archive_last_sequence", "The archive holds the log up to this sequence.", func(s snapshot) float64 { return float64(s.kept.Archived) }),
		gauge("archive_pending_events", "Events read and not archived yet.", func(s snapshot) float64 { return float64(s.kept.Pending) }),
		gauge("archive_segments", "Segments in the archive of the log.", func(s snapshot) float64 { return float64(s.kept.Segments) }),
		counter("archive_failures_total", "Tries to archive that failed.", func(s snapshot) uint64 { return s.kept.Failures }),
	}
}

func drillFigures() []figure {
	return []figure{
		gauge("drill_last_timestamp_seconds", "When the archive was last restored in a drill, or failed to be; 0 for never.", func(s snapshot) float64 {
			if s.test.LastAt.IsZero() {
				return 0
			}
			return float64(s.test.LastAt.Unix())
		}),
		flag("drill_failed", "Whether the last drill failed: a restore would, too.", func(s snapshot) bool { return s.test.Failed != "" }),
		gauge("drill_rto_seconds", "From the archive to the last read model, in the last drill that passed.", func(s snapshot) float64 { return s.test.Passed.AllSeconds }),
		gauge("drill_rpo_seconds", "How far back went what was not archived, at the last drill that passed.", func(s snapshot) float64 { return s.test.Passed.LossSeconds }),
	}
}
