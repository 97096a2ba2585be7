package jobs

import (
	"context"
	"fmt"
)

// requeueSQL makes the jobs that a dead process left running available again, or discards those that have no attempt
// left, as River's rescuer would after Options.RescueAfter. The last member of attempted_by is who runs the job.
const requeueSQL = `
UPDATE river_job SET
	state = CASE WHEN attempt < max_attempts THEN 'available' ELSE 'discarded' END,
	finalized_at = CASE WHEN attempt < max_attempts THEN NULL ELSE datetime('now', 'subsec') END,
	errors = json_insert(CAST(coalesce(errors, '[]') AS TEXT), '$[#]', json_object(
		'at', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'attempt', attempt, 'error', 'the process ended while the job ran', 'trace', ''))
WHERE state = 'running' AND json_extract(CAST(attempted_by AS TEXT), '$[#-1]') = ?`

// resignSQL ends the leadership a dead process of this node held; River would wait for it to expire, and until then
// retries that are due stay where they are.
const resignSQL = `DELETE FROM river_leader WHERE leader_id = ?`

// takeOver cleans up behind a process with our client ID that ended without Stop. Client IDs are unique among running
// processes, so whatever carries ours before Start is a leftover.
func (q *Queue) takeOver(ctx context.Context) error {
	result, err := q.db.ExecContext(ctx, requeueSQL, q.clientID)
	if err != nil {
		return fmt.Errorf("take over running jobs: %w", err)
	}
	if n, err := result.RowsAffected(); err == nil && n > 0 {
		q.log.InfoContext(ctx, "took over jobs of an earlier process", "jobs", n)
	}
	if _, err := q.db.ExecContext(ctx, resignSQL, q.clientID); err != nil {
		return fmt.Errorf("end the leadership of an earlier process: %w", err)
	}
	return nil
}
