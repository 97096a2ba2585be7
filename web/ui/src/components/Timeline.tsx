import { isRunning, type Conversation } from '../api/types';
import type { TimedNotice } from '../live/reducer';
import { clock, preciseTime } from '../text/format';
import classes from './Timeline.module.css';

interface Moment {
  at: string;
  title: string;
  detail?: string;
  tone?: 'live' | 'bad' | 'warn';
}

/** Timeline tells the life of a call from its first ring. */
export function Timeline({ conversation, notices }: { conversation: Conversation; notices: TimedNotice[] }) {
  return (
    <ol className={classes.timeline}>
      {momentsOf(conversation, notices).map((m) => (
        <li key={`${m.at} ${m.title}`} data-tone={m.tone}>
          <span className={classes.title}>{m.title}</span>
          <time className={classes.at} dateTime={m.at}>
            {preciseTime(m.at)}
          </time>
          {m.detail && <p className={classes.detail}>{m.detail}</p>}
        </li>
      ))}
    </ol>
  );
}

const noticeTitles: Record<string, string> = {
  'conversation.ringing': 'Ringing at the other end', 'conversation.degraded': 'Degraded', 'dtmf.received': 'Key pressed',
  'transcription.gap': 'Not transcribed',
};

function momentsOf(c: Conversation, notices: TimedNotice[]): Moment[] {
  const moments: Moment[] = [{ at: c.created_at, title: c.direction === 'outbound' ? 'Call placed' : 'Call arrived' }];
  if (c.answered_at !== undefined) {
    const waited = Date.parse(c.answered_at) - Date.parse(c.created_at);
    moments.push({ at: c.answered_at, title: 'Answered', detail: `after ${(waited / 1000).toFixed(1)} s`, tone: 'live' });
  }
  for (const n of notices) {
    moments.push({ at: n.at, title: noticeTitles[n.type] ?? n.type, detail: n.message, ...(n.type.endsWith('degraded') && { tone: 'warn' as const }) });
  }
  if (c.ended_at !== undefined && !isRunning(c)) moments.push(endOf(c, c.ended_at));
  return moments.sort((a, b) => a.at.localeCompare(b.at));
}

function endOf(c: Conversation, at: string): Moment {
  const titles: Partial<Record<Conversation['status'], string>> = {
    completed: 'Ended', voicemail: 'Voicemail recognised', busy: 'Busy', 'no-answer': 'Nobody answered', failed: 'Failed',
  };
  const code = c.sip_code !== undefined && c.sip_code >= 300 ? ` (SIP ${c.sip_code})` : '';
  const lasted = c.duration_ms > 0 ? ` after ${clock(c.duration_ms)}` : '';
  const detail = `${c.reason ?? ''}${code}`;
  return {
    at, title: `${titles[c.status] ?? 'Ended'}${lasted}`, ...(detail !== '' && { detail }), ...(c.status === 'failed' && { tone: 'bad' as const }),
  };
}
