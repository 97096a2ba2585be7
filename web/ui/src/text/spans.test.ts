import { describe, expect, it } from 'vitest';

import type { Match } from '../api/types';
import { spans } from './spans';

const match = (tracker: string, start: number, end: number) => ({ tracker, start, end }) as Match;
const shape = (text: string, matches: Match[], stable?: number) =>
  spans(text, matches, stable).map((s) => [s.text, s.matches.map((m) => m.tracker).join('+'), s.unstable]);

describe('spans', () => {
  it('cut a text at its matches', () => {
    expect(shape('I want my money back.', [match('Refund', 10, 20)])).toEqual([
      ['I want my ', '', false], ['money back', 'Refund', false], ['.', '', false],
    ]);
  });

  it('count in bytes of UTF-8', () => {
    const text = 'Für 5 € bitte 😀 Geld zurück!';
    const start = new TextEncoder().encode('Für 5 € bitte 😀 ').length;
    expect(shape(text, [match('Refund', start, start + 12)])).toEqual([
      ['Für 5 € bitte 😀 ', '', false], ['Geld zurück', 'Refund', false], ['!', '', false],
    ]);
  });

  it('may overlap', () => {
    expect(shape('abcd', [match('A', 0, 3), match('B', 1, 4)])).toEqual([['a', 'A', false], ['bc', 'A+B', false], ['d', 'B', false]]);
  });

  it('tell the part of a partial that may change', () => {
    expect(shape('hello wor', [match('Greeting', 0, 5)], 6)).toEqual([['hello', 'Greeting', false], [' ', '', false], ['wor', '', true]]);
  });

  it('survive offsets from another text', () => {
    expect(shape('ab', [match('A', 5, 9), match('B', 1, 99), match('C', -3, 1)], 77)).toEqual([['a', 'C', false], ['b', 'B', false]]);
    expect(shape('', [match('A', 0, 3)])).toEqual([]);
  });
});
