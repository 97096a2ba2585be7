import type { TrackerContent, TrackerVersion } from '../api/types';

/** PhraseChange is what became of one phrase. */
export interface PhraseChange {
  kind: 'added' | 'removed';
  phrase: string;
}

/** phraseChanges returns the phrases that came and went between two vocabularies. */
export function phraseChanges(before: readonly string[], after: readonly string[]): PhraseChange[] {
  return [
    ...after.filter((phrase) => !before.includes(phrase)).map((phrase) => ({ kind: 'added' as const, phrase })),
    ...before.filter((phrase) => !after.includes(phrase)).map((phrase) => ({ kind: 'removed' as const, phrase })),
  ];
}

const memberNames: Partial<Record<string, string>> = {
  vocabulary: 'phrases', role: 'said by', negative_examples: 'negative examples', stance: 'when it is not simply said', threshold: 'how closely',
  alerts_per_hour: 'alerts per hour',
} satisfies Partial<Record<keyof TrackerContent, string>>;

/** memberName is how the page calls a member of a tracker. */
export const memberName = (member: string): string => memberNames[member] ?? member;

const authors: Partial<Record<string, string>> = {
  page: 'on this page', api: 'through the API', cli: 'from the command line', config: 'by the configuration', samples: 'on the first start',
};

/** savedBy tells who saved a version. */
export const savedBy = (version: Pick<TrackerVersion, 'updated_by'>): string =>
  version.updated_by === undefined ? '' : (authors[version.updated_by] ?? `by ${version.updated_by}`);
