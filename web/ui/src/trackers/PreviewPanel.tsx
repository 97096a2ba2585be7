import { Alert, Button, Loader, Skeleton } from '@mantine/core';

import { Problem } from '../api/client';
import type { Found, Preview } from '../api/types';
import mark from '../components/MatchMark.module.css';
import { addressOf, follow } from '../hooks';
import { percent, whenWas } from '../text/format';
import { spans } from '../text/spans';
import classes from './PreviewPanel.module.css';
import type { PreviewState } from './usePreview';

interface Props {
  preview: PreviewState;
  phrases: number;
  onPhrase: (words: string) => void;
  onNegative: (words: string) => void;
}

/** PreviewPanel shows what a draft would have found in past calls, and what it nearly found. */
export function PreviewPanel({ preview, phrases, onPhrase, onNegative }: Props) {
  const { data, error, busy } = preview;
  const refused = error instanceof Problem && error.members.length > 0;
  return (
    <section className={classes.panel} aria-label="Preview" aria-busy={busy && phrases > 0}>
      <div className={classes.head}>
        <h2>In past calls</h2>
        {busy && phrases > 0 && <Loader size={15} aria-label="Matching" />}
      </div>
      {phrases === 0 && <p className={classes.hint}>Write a phrase, and see at once what it finds in the calls there were.</p>}
      {error && !refused && <Alert color="yellow">{error.message}</Alert>}
      {refused && <p className={classes.hint}>The preview goes on when the form is right.</p>}
      {phrases > 0 && !data && !error && <Skeleton height={180} radius="md" />}
      {data && !error && <Findings data={data} onPhrase={onPhrase} onNegative={onNegative} />}
    </section>
  );
}

function Findings({ data, onPhrase, onNegative }: { data: Preview } & Pick<Props, 'onPhrase' | 'onNegative'>) {
  if (data.coverage.conversations === 0) return <p className={classes.hint}>There are no past calls yet to try it on.</p>;
  return (
    <>
      <Numbers data={data} />
      <h3>
        Matches <span>{data.match_count}</span>
      </h3>
      {data.matches.length === 0 && <p className={classes.hint}>Nothing was found. Add other ways to say it, or match less closely.</p>}
      <ul className={classes.list} aria-label="Matches">
        {data.matches.map((found) => (
          <Sentence key={keyOf(found)} found={found} action="Not this" onAct={() => onNegative(found.utterance.slice(0, 1000))} />
        ))}
      </ul>
      {data.match_count > data.matches.length && <p className={classes.hint}>The newest {data.matches.length} are shown.</p>}
      {data.near_misses.length > 0 && (
        <>
          <h3>
            Just missed <span>{data.near_miss_count}</span>
          </h3>
          <ul className={classes.list} aria-label="Near misses">
            {data.near_misses.map((found) => (
              <Sentence key={keyOf(found)} found={found} missed action="Add as a phrase" onAct={() => onPhrase(found.match.text.replace(/[()[\]{}]/g, ' '))} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** keyOf tells findings apart; what nearly matched has no identity of its own. */
const keyOf = ({ match }: Found): string => `${match.utterance_id} ${match.start} ${match.end} ${match.stance ?? ''}`;

function Numbers({ data }: { data: Preview }) {
  const { coverage, reviewed } = data;
  const since = coverage.since === undefined ? '' : ` since ${new Date(coverage.since).toLocaleDateString([], { day: 'numeric', month: 'long' })}`;
  return (
    <>
      <dl className={classes.numbers}>
        <div>
          <dd>{data.match_count.toLocaleString()}</dd>
          <dt>{data.match_count === 1 ? 'match' : 'matches'}</dt>
        </div>
        <div>
          <dd>{rate(data.alerts_per_day)}</dd>
          <dt>alerts a day</dt>
        </div>
        <div>
          <dd>{reviewed.precision === undefined ? '–' : percent(reviewed.precision)}</dd>
          <dt>right of {reviewed.right + reviewed.wrong} reviewed</dt>
        </div>
      </dl>
      <p className={classes.coverage}>
        {coverage.conversations.toLocaleString()} {coverage.conversations === 1 ? 'call' : 'calls'}
        {since}, in {(coverage.took_ms / 1000).toLocaleString([], { maximumFractionDigits: 1 })} s{coverage.complete ? '' : '; older ones are left out to answer quickly'}
      </p>
    </>
  );
}

const rate = (perDay: number): string => (perDay > 0 && perDay < 0.1 ? '< 0.1' : perDay.toLocaleString([], { maximumFractionDigits: perDay < 10 ? 1 : 0 }));

function Sentence({ found, missed = false, action, onAct }: { found: Found; missed?: boolean; action: string; onAct: () => void }) {
  const { match } = found;
  return (
    <li className={classes.sentence} data-missed={missed}>
      <p>
        {spans(found.utterance, [match]).map((span, i) =>
          span.matches.length > 0 ? (
            <mark key={i} className={mark.mark}>
              {span.text}
            </mark>
          ) : (
            <span key={i}>{span.text}</span>
          ),
        )}
      </p>
      <div className={classes.facts}>
        <span className={classes.score}>{match.method === 'literal' ? 'word for word' : percent(match.score)}</span>
        <span className={classes.phrase}>“{match.phrase}”</span>
        {match.stance !== undefined && <span>{match.stance}</span>}
        <a href={addressOf(found.conversation_id)} onClick={follow}>
          {whenWas(found.at, new Date().toDateString())}
        </a>
        <Button size="compact-xs" variant="subtle" color="gray" onClick={onAct}>
          {action}
        </Button>
      </div>
    </li>
  );
}
