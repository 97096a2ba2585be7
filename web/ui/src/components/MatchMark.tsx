import { Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';

import type { Match } from '../api/types';
import { percent } from '../text/format';
import classes from './MatchMark.module.css';
import { useTrackerStyle } from './useTrackerStyle';

/** MatchMark marks words in the transcript. Where matches overlap, the first one gives the colour and the tooltip names all. */
export function MatchMark({ matches, children }: { matches: Match[]; children: ReactNode }) {
  const trackerStyle = useTrackerStyle();
  const [first] = matches;
  if (first === undefined) return children;
  return (
    <Tooltip
      multiline
      maw={320}
      events={{ hover: true, focus: true, touch: true }}
      label={matches.map((m) => (
        <Explanation key={m.id} match={m} />
      ))}
    >
      {/* Reached by the keyboard for the sake of its tooltip, which says why the words are marked. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <mark className={classes.mark} style={trackerStyle(first.tracker)} data-provisional={matches.every((m) => m.provisional)} tabIndex={0}>
        {children}
      </mark>
    </Tooltip>
  );
}

function Explanation({ match }: { match: Match }) {
  return (
    <span className={classes.explanation}>
      <strong>{match.tracker}</strong>
      <span>“{match.phrase}”</span>
      <span>
        {match.method === 'literal' ? 'word for word' : `by meaning, ${percent(match.score)}`}
        {match.provisional ? ', not yet confirmed' : ''}
      </span>
    </span>
  );
}
