import type { CSSProperties } from 'react';

// Hues that stay apart from each other and from the colours of the two speakers.
const hues = [45, 350, 140, 305, 90, 20, 245, 325, 115, 65];

/** trackerStyle gives a tracker its colour, the same one everywhere and always. */
export function trackerStyle(name: string): CSSProperties {
  let hash = 7;
  for (const character of name) hash = (hash * 33 + (character.codePointAt(0) ?? 0)) >>> 0;
  return { '--hue': hues[hash % hues.length] } as CSSProperties;
}
