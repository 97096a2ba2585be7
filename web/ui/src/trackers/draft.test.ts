import { describe, expect, it } from 'vitest';

import { categoriesOf, changes, contentOf, draftOf, emptyDraft, fieldProblems, lines, rebase, withLine } from './draft';

const draft = { ...emptyDraft, name: 'Refund', phrases: 'money back\nrefund me' };

describe('lines', () => {
  it('are without spaces around them and without empty ones', () => {
    expect(lines('  a b \n\n\t\nc\n')).toEqual(['a b', 'c']);
  });

  it('are added once', () => {
    expect(withLine('a\n', ' b  c ')).toBe('a\nb c');
    expect(withLine('a\nb', 'a')).toBe('a\nb');
  });
});

describe('content', () => {
  it('leaves out what has its default', () => {
    expect(contentOf({ ...draft, name: ' Refund ' })).toEqual({ name: 'Refund', vocabulary: ['money back', 'refund me'], enabled: true });
  });

  it('survives the form', () => {
    const full = {
      name: 'Refund', description: 'Money.', categories: ['billing'], vocabulary: ['money back'], threshold: 0.7, role: 'caller' as const,
      exclusions: ['policy'], negative_examples: ['no refund'], stance: { negation: 'match' as const }, enabled: false,
    };
    expect(contentOf(draftOf(full))).toEqual(full);
  });
});

describe('changes', () => {
  it('are the members that differ', () => {
    expect(changes(draft, draft)).toEqual({});
    expect(changes({ ...draft, phrases: 'money back', enabled: false }, draft)).toEqual({ vocabulary: ['money back'], enabled: false });
  });

  it('do not count spaces and empty lines', () => {
    expect(changes({ ...draft, phrases: `${draft.phrases}\n\n` }, draft)).toEqual({});
  });

  it('remove what has its default again', () => {
    const base = { ...draft, threshold: 0.7, role: 'caller' as const, negatives: 'no', stance: { ...draft.stance, negation: 'match' as const } };
    expect(changes(draft, base)).toEqual({ threshold: null, role: null, negative_examples: null, stance: null });
  });

  it('name the parts of the stance that are default', () => {
    const base = { ...draft, stance: { ...draft.stance, negation: 'match' as const } };
    expect(changes({ ...base, stance: { ...draft.stance, question: 'ignore' } }, base)).toEqual({
      stance: { negation: null, question: 'ignore', conditional: null, reported: null },
    });
  });
});

it('rebase keeps what was changed here and takes the rest from them', () => {
  const theirs = { ...draft, name: 'Refunds', phrases: 'theirs', threshold: 0.8 };
  expect(rebase({ ...draft, phrases: 'mine' }, draft, theirs)).toEqual({ ...theirs, phrases: 'mine' });
});

it('problems are told at their field, with the words they are about', () => {
  const found = fieldProblems(draft, [
    { location: 'vocabulary[1]', message: 'holds a parenthesis' }, { location: 'vocabulary[0]', message: 'another' },
    { location: 'name', message: 'is empty' }, { location: 'negative_examples', message: 'more than 200' },
  ]);
  expect(found).toEqual({ phrases: '“refund me” holds a parenthesis.', name: 'It is empty.', negatives: 'More than 200.' });
});

it('categories are listed once', () => {
  expect(categoriesOf([{ categories: ['b', 'a'] }, {}, { categories: ['b'] }])).toEqual(['a', 'b']);
});
