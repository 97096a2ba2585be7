import type { Match } from '../api/types';

/** Span is a piece of an utterance with the matches that cover it. */
export interface Span {
  text: string;
  matches: Match[];
  unstable: boolean; // of a partial: may still change
}

/** indexOf returns a function from an offset in the UTF-8 form of text, as the daemon counts, to the index of the character there. */
function indexOf(text: string): (bytes: number) => number {
  const indexes: number[] = [];
  let index = 0;
  for (const character of text) {
    const bytes = utf8Length(character.codePointAt(0) ?? 0);
    for (let i = 0; i < bytes; i++) indexes.push(index);
    index += character.length;
  }
  return (bytes) => indexes[Math.max(0, bytes)] ?? text.length;
}

function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** spans cuts text where matches begin and end and where its stable part ends. Matches may overlap. */
export function spans(text: string, matches: readonly Match[], stableBytes?: number): Span[] {
  const index = indexOf(text);
  const placed = matches.map((match) => ({ match, start: index(match.start), end: index(match.end) })).filter((m) => m.start < m.end);
  const stable = stableBytes === undefined ? text.length : index(stableBytes);
  const cuts = [...new Set([0, stable, text.length, ...placed.flatMap((m) => [m.start, m.end])])].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((start, i) => ({
    text: text.slice(start, cuts[i + 1]),
    matches: placed.filter((m) => m.start <= start && start < m.end).map((m) => m.match),
    unstable: start >= stable,
  }));
}
