import { Button } from '@mantine/core';
import { IconArrowDown } from '@tabler/icons-react';
import { memo, useEffect, useLayoutEffect, useState } from 'react';

import { isRunning, type Match, type Utterance } from '../api/types';
import { noticesOf, type Call } from '../live/reducer';
import { clock } from '../text/format';
import { spans } from '../text/spans';
import { MatchMark } from './MatchMark';
import classes from './Transcript.module.css';

interface Props {
  call: Call;
  utterances: Utterance[];
  matches: Match[];
  heardMs: number | undefined; // where the recording is being played
  onSeek: ((ms: number) => void) | undefined; // undefined while there is no recording
  scroll: HTMLElement | null; // what scrolls the transcript
}

/** Transcript shows what was said. While the call runs it stays at its end, unless somebody has scrolled up to read. */
export function Transcript({ call, utterances, matches, heardMs, onSeek, scroll }: Props) {
  const running = isRunning(call.conversation);
  const { atEnd, toEnd } = useEnd(scroll, running, utterances);
  const gaps = noticesOf(call).filter((n) => n.type === 'transcription.gap');
  const rows = [...utterances, ...gaps].sort((a, b) => (a.start_ms ?? 0) - (b.start_ms ?? 0));
  return (
    <section className={classes.transcript} aria-label="Transcript">
      <ol className={classes.list} role="log" aria-live={running ? 'polite' : 'off'} aria-relevant="additions">
        {rows.map((row) =>
          'role' in row ? (
            <Turn
              key={row.id}
              utterance={row}
              matches={matches.filter((m) => m.utterance_id === row.id)}
              heard={heardMs !== undefined && row.start_ms <= heardMs && heardMs < row.end_ms}
              onSeek={onSeek}
            />
          ) : (
            <li key={`gap ${row.seq}`} className={classes.gap}>
              {clock(row.start_ms ?? 0)} – {clock(row.end_ms ?? 0)} was not transcribed: {row.message}
            </li>
          ),
        )}
      </ol>
      {utterances.length === 0 && <Silence call={call} />}
      {running && !atEnd && (
        <Button className={classes.jump} size="xs" radius="xl" leftSection={<IconArrowDown size={14} />} onClick={toEnd}>
          Follow the call
        </Button>
      )}
    </section>
  );
}

/** near is how many pixels from its end a transcript still counts as being followed. */
const near = 90;

function useEnd(scroll: HTMLElement | null, running: boolean, utterances: Utterance[]) {
  const [atEnd, setAtEnd] = useState(true);
  useEffect(() => {
    if (!scroll) return;
    const look = () => setAtEnd(scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < near);
    scroll.addEventListener('scroll', look, { passive: true });
    return () => scroll.removeEventListener('scroll', look);
  }, [scroll]);
  useLayoutEffect(() => {
    if (running && atEnd) scroll?.scrollTo({ top: scroll.scrollHeight });
  }, [running, atEnd, scroll, utterances]);
  return { atEnd, toEnd: () => scroll?.scrollTo({ top: scroll.scrollHeight, behavior: 'smooth' }) };
}

interface TurnProps {
  utterance: Utterance;
  matches: Match[];
  heard: boolean;
  onSeek: ((ms: number) => void) | undefined;
}

const Turn = memo(
  function Turn({ utterance: u, matches, heard, onSeek }: TurnProps) {
    return (
      <li className={classes.turn} data-role={u.role} data-final={u.final} data-heard={heard} aria-live={u.final ? undefined : 'off'}>
        {onSeek ? (
          <button type="button" className={classes.time} onClick={() => onSeek(u.start_ms)} aria-label={`Play from ${clock(u.start_ms)}`}>
            {clock(u.start_ms)}
          </button>
        ) : (
          <span className={classes.time}>{clock(u.start_ms)}</span>
        )}
        <div className={classes.said}>
          <span className={classes.role}>{u.role === 'caller' ? 'Caller' : 'Operator'}</span>
          <p>
            {spans(u.text, matches, u.final ? undefined : (u.stable_chars ?? 0)).map((span, i) => (
              <Piece key={i} text={span.text} matches={span.matches} unstable={span.unstable} />
            ))}
            {!u.final && <span className={classes.typing} aria-label="still speaking" />}
          </p>
        </div>
      </li>
    );
  },
  (a, b) => a.utterance === b.utterance && a.heard === b.heard && !a.onSeek === !b.onSeek && sameMatches(a.matches, b.matches),
);

const sameMatches = (a: Match[], b: Match[]) => a.length === b.length && a.every((m, i) => m === b[i]);

function Piece({ text, matches, unstable }: { text: string; matches: Match[]; unstable: boolean }) {
  const words = unstable ? <span className={classes.unstable}>{text}</span> : text;
  return matches.length === 0 ? words : <MatchMark matches={matches}>{words}</MatchMark>;
}

function Silence({ call }: { call: Call }) {
  const { status } = call.conversation;
  const texts: Partial<Record<typeof status, string>> = { queued: 'Ringing…', 'in-progress': 'Listening. Words appear here as they are spoken.' };
  return <p className={classes.silence}>{texts[status] ?? (call.complete ? 'Nothing was said on this call.' : 'Loading…')}</p>;
}
