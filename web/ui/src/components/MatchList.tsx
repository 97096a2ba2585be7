import type { Match } from '../api/types';
import { clock, percent } from '../text/format';
import classes from './MatchList.module.css';
import { useTrackerStyle } from './useTrackerStyle';

interface Props {
  matches: Match[];
  running: boolean;
  onSeek: ((ms: number) => void) | undefined;
}

/** MatchList names what was found, the newest first while the call runs and in the order of the call afterwards. */
export function MatchList({ matches, running, onSeek }: Props) {
  const trackerStyle = useTrackerStyle();
  if (matches.length === 0) {
    return <p className={classes.none}>{running ? 'Nothing found so far.' : 'No tracker matched.'}</p>;
  }
  const ordered = running ? matches.toReversed() : matches;
  return (
    <ul className={classes.list} role="log" aria-label="Matches" aria-live={running ? 'polite' : 'off'}>
      {ordered.map((m) => (
        <li key={m.id} className={classes.match} style={trackerStyle(m.tracker)} data-provisional={m.provisional ?? false}>
          <div className={classes.line}>
            <strong>{m.tracker}</strong>
            {onSeek ? (
              <button type="button" className={classes.time} onClick={() => onSeek(m.start_ms)} aria-label={`Play from ${clock(m.start_ms)}`}>
                {clock(m.start_ms)}
              </button>
            ) : (
              <span className={classes.time}>{clock(m.start_ms)}</span>
            )}
          </div>
          <p className={classes.words}>“{m.text}”</p>
          <p className={classes.how}>
            {m.role === 'caller' ? 'Caller' : 'Operator'}, {m.method === 'literal' ? 'word for word' : `by meaning ${percent(m.score)}`}
          </p>
        </li>
      ))}
    </ul>
  );
}
