import { useQuery } from '@tanstack/react-query';
import { useMemo, type CSSProperties } from 'react';

import { listTrackers } from '../api/trackers';

// Hues that stay apart from each other and from the colours of the two speakers.
const hues = [25, 145, 320, 75, 235, 350, 110, 300, 50, 200];

/** useTrackerStyle returns a function that gives a tracker its colour, the same one everywhere on the page. */
export function useTrackerStyle(): (name: string) => CSSProperties {
  const { data } = useQuery({ queryKey: ['trackers'], queryFn: ({ signal }) => listTrackers(signal), staleTime: 300_000 });
  return useMemo(() => {
    const names = data?.map((t) => t.name).sort() ?? [];
    return (name: string) => {
      const known = names.indexOf(name);
      return { '--hue': hues[(known >= 0 ? known : hash(name)) % hues.length] } as CSSProperties;
    };
  }, [data]);
}

/** hash spreads the names of trackers that are no longer there. */
function hash(name: string): number {
  let sum = 7;
  for (const character of name) sum = (sum * 33 + (character.codePointAt(0) ?? 0)) >>> 0;
  return sum;
}
