import type { Status } from '../api/types';
import { statusNames } from '../text/format';
import classes from './StatusBadge.module.css';

const tones: Record<Status, string> = {
  queued: 'warn', 'in-progress': 'live', completed: 'quiet', failed: 'bad', busy: 'warn', 'no-answer': 'warn', voicemail: 'quiet',
};

export function StatusBadge({ status }: { status: Status }) {
  return (
    <span className={classes.badge} data-tone={tones[status]} data-status={status}>
      {status === 'in-progress' && <span className={classes.pulse} />}
      {statusNames[status]}
    </span>
  );
}
