import { IconArrowsTransferUp, IconMoodAngry, IconMoodEmpty, IconMoodHappy, IconMoodNeutral, IconMoodSad, IconMoodSmile } from '@tabler/icons-react';

import { isRunning, type Conversation, type Metrics, type Sentiment } from '../api/types';
import { clock, sentimentNames } from '../text/format';
import classes from './Summary.module.css';

const moods: Record<Sentiment, [typeof IconMoodNeutral, string]> = {
  'overly-negative': [IconMoodAngry, 'var(--bad)'],
  negative: [IconMoodSad, 'var(--warn)'],
  neutral: [IconMoodNeutral, 'var(--ink-2)'],
  positive: [IconMoodSmile, 'var(--live)'],
  'overly-positive': [IconMoodHappy, 'var(--live)'],
  'not-applicable': [IconMoodEmpty, 'var(--ink-3)'],
};

/** Summary is what the post-call work found out; until it is done, why the call ended. */
export function Summary({ conversation: c }: { conversation: Conversation }) {
  if (isRunning(c)) return null;
  if (!c.analysis) {
    return c.reason ? <p className={classes.reason}>{c.reason}</p> : null;
  }
  const { sentiment, summary, metrics } = c.analysis;
  const [Mood, color] = moods[sentiment];
  return (
    <section className={classes.card} aria-label="Summary">
      <p className={classes.summary}>{summary}</p>
      <div className={classes.facts}>
        <span className={classes.mood} style={{ color }}>
          <Mood size={19} stroke={1.8} /> {sentimentNames[sentiment]}
        </span>
        {c.transferred && (
          <span className={classes.mood}>
            <IconArrowsTransferUp size={18} stroke={1.8} /> Transferred
          </span>
        )}
        <TalkTime metrics={metrics} />
      </div>
    </section>
  );
}

function TalkTime({ metrics: m }: { metrics: Metrics }) {
  const total = m.caller_talk_ms + m.agent_talk_ms + m.silence_ms;
  if (total === 0) return null;
  const parts = [
    { name: 'Caller', ms: m.caller_talk_ms, color: 'var(--caller)' },
    { name: 'Operator', ms: m.agent_talk_ms, color: 'var(--agent)' },
    { name: 'Silence', ms: m.silence_ms, color: 'var(--line)' },
  ];
  return (
    <div className={classes.talk}>
      <div className={classes.bar} aria-hidden>
        {parts.map((p) => (
          <span key={p.name} style={{ flexGrow: p.ms, background: p.color }} />
        ))}
      </div>
      <dl className={classes.parts}>
        {parts.map((p) => (
          <div key={p.name}>
            <dt>
              <i style={{ background: p.color }} /> {p.name}
            </dt>
            <dd className="numbers">{clock(p.ms)}</dd>
          </div>
        ))}
        {m.interruptions > 0 && (
          <div>
            <dt>Interruptions</dt>
            <dd className="numbers">{m.interruptions}</dd>
          </div>
        )}
      </dl>
    </div>
  );
}
