import type { MemberProblem } from '../api/client';
import type { Handling, Role, Stance, Tracker, TrackerContent } from '../api/types';

/** Draft is a tracker as the form holds it: lists of sentences are texts with one a line. */
export interface Draft {
  name: string;
  description: string;
  categories: string[];
  phrases: string;
  threshold: number | null; // null is the default of the daemon
  role: Role | 'anyone';
  exclusions: string;
  negatives: string;
  stance: Record<keyof Stance, Handling | ''>;
  enabled: boolean;
}

export const defaultThreshold = 0.6;

export const emptyDraft: Draft = {
  name: '', description: '', categories: [], phrases: '', threshold: null, role: 'anyone', exclusions: '', negatives: '',
  stance: { negation: '', question: '', conditional: '', reported: '' }, enabled: true,
};

/** lines returns what is on the lines of a text, without the empty ones. */
export const lines = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line !== '');

/** withLine adds a line to a text, unless it is there already. */
export function withLine(text: string, line: string): string {
  const clean = line.replace(/\s+/g, ' ').trim();
  if (lines(text).includes(clean)) return text;
  return [...lines(text), clean].join('\n');
}

/** draftOf returns the form of a tracker, or of a part of one. */
export function draftOf(content: Partial<TrackerContent>): Draft {
  return {
    name: content.name ?? '', description: content.description ?? '', categories: content.categories ?? [],
    phrases: (content.vocabulary ?? []).join('\n'), threshold: content.threshold ?? null, role: content.role ?? 'anyone',
    exclusions: (content.exclusions ?? []).join('\n'), negatives: (content.negative_examples ?? []).join('\n'),
    stance: { ...emptyDraft.stance, ...content.stance }, enabled: content.enabled ?? true,
  };
}

/** contentOf returns what is to be sent for a draft. What has its default is left out. */
export function contentOf(draft: Draft): TrackerContent {
  const content: TrackerContent = { name: draft.name.trim(), vocabulary: lines(draft.phrases), enabled: draft.enabled };
  const [exclusions, negatives] = [lines(draft.exclusions), lines(draft.negatives)];
  const stance = Object.fromEntries(Object.entries(draft.stance).filter(([, handling]) => handling !== '')) as Stance;
  if (draft.description.trim() !== '') content.description = draft.description.trim();
  if (draft.categories.length > 0) content.categories = draft.categories;
  if (draft.threshold !== null) content.threshold = draft.threshold;
  if (draft.role !== 'anyone') content.role = draft.role;
  if (exclusions.length > 0) content.exclusions = exclusions;
  if (negatives.length > 0) content.negative_examples = negatives;
  if (Object.keys(stance).length > 0) content.stance = stance;
  return content;
}

type Members = Partial<Record<keyof TrackerContent, unknown>>;

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** changes returns the members in which a draft differs from the one it was made from, as a JSON merge patch. */
export function changes(draft: Draft, base: Draft): Members {
  const [mine, before]: [Members, Members] = [contentOf(draft), contentOf(base)];
  const patch: Members = {};
  for (const member of new Set([...Object.keys(mine), ...Object.keys(before)]) as Set<keyof TrackerContent>) {
    if (!same(mine[member], before[member])) patch[member] = mine[member] ?? null;
  }
  // A merge patch keeps the members of an object that it does not name.
  if (patch.stance) patch.stance = Object.fromEntries(Object.entries(draft.stance).map(([kind, handling]) => [kind, handling === '' ? null : handling]));
  return patch;
}

/** rebase puts what was changed in a draft on top of a newer version. */
export function rebase(draft: Draft, base: Draft, theirs: Draft): Draft {
  const changed = Object.entries(draft).filter(([field, value]) => !same(value, base[field as keyof Draft]));
  return { ...theirs, ...Object.fromEntries(changed) };
}

const fields: Record<string, keyof Draft> = { vocabulary: 'phrases', negative_examples: 'negatives' };

/** fieldProblems says by field of the form what is wrong. A problem of one phrase names its words. */
export function fieldProblems(draft: Draft, problems: readonly MemberProblem[]): Partial<Record<string, string>> {
  const found: Partial<Record<string, string>> = {};
  for (const { location, message } of problems) {
    const [, member = '', index] = /^(\w+)(?:\[(\d+)\])?/.exec(location) ?? [];
    const field = fields[member] ?? member;
    const value = draft[field as keyof Draft];
    const line = index !== undefined && typeof value === 'string' ? lines(value)[Number(index)] : undefined;
    found[field] ??= line === undefined ? sentence(message) : `“${line}” ${message}.`;
  }
  return found;
}

function sentence(message: string): string {
  const start = message.startsWith('has ') || message.startsWith('is ') ? `It ${message}` : message.charAt(0).toUpperCase() + message.slice(1);
  return `${start}.`;
}

/** categoriesOf returns every category of the trackers, sorted. */
export const categoriesOf = (trackers: readonly Pick<Tracker, 'categories'>[]): string[] =>
  [...new Set(trackers.flatMap((t) => t.categories ?? []))].sort((a, b) => a.localeCompare(b));
