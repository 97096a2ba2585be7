import { get, send } from './client';
import type {
  ConversationPage, LibraryDifference, LibraryEntry, Listed, Preview, Recommended, Tally, Tracker, TrackerContent, TrackerVersion,
} from './types';

/** listTrackers returns the trackers as they are stored. */
export async function listTrackers(signal?: AbortSignal): Promise<Tracker[]> {
  return (await get<{ items: Tracker[] }>('/trackers', signal)).items;
}

export const getTracker = (id: string, signal?: AbortSignal) => get<Tracker>(`/trackers/${id}`, signal);

export const createTracker = (content: TrackerContent) => send<Tracker>('POST', '/trackers', content);

/** ifMatch makes the daemon refuse a change of another version than the one that was shown. */
const ifMatch = (version: number) => ({ 'If-Match': `"${version}"` });

/** patchTracker changes members of a version: null removes one. */
export const patchTracker = (id: string, version: number, members: Record<string, unknown>) =>
  send<Tracker>('PATCH', `/trackers/${id}`, members, ifMatch(version));

export const deleteTracker = (id: string, version: number) => send<undefined>('DELETE', `/trackers/${id}`, undefined, ifMatch(version));

export async function listVersions(id: string, signal?: AbortSignal): Promise<TrackerVersion[]> {
  return (await get<{ items: TrackerVersion[] }>(`/trackers/${id}/versions`, signal)).items;
}

/** restoreVersion makes an older version the newest one; it brings a deleted tracker back. */
export const restoreVersion = (id: string, version: number) => send<Tracker>('POST', `/trackers/${id}/versions/${version}/restore`);

export const previewTracker = (draft: Partial<TrackerContent> & { id?: string }, signal?: AbortSignal) =>
  send<Preview>('POST', '/trackers/preview', { tracker: draft }, {}, signal);

export async function listPrecision(signal?: AbortSignal): Promise<Tally[]> {
  return (await get<{ items: Tally[] }>('/trackers/precision', signal)).items;
}

export async function listLibrary(signal?: AbortSignal): Promise<LibraryEntry[]> {
  return (await get<{ items: LibraryEntry[] }>('/tracker-library', signal)).items;
}

export const addFromLibrary = (name: string) => send<Tracker>('POST', `/tracker-library/${encodeURIComponent(name)}/add`);

export const libraryDifference = (id: string, signal?: AbortSignal) => get<LibraryDifference>(`/trackers/${id}/library-diff`, signal);

export const resetToLibrary = (id: string, version: number) => send<{ tracker: Tracker }>('POST', `/trackers/${id}/reset`, undefined, ifMatch(version));

export const listRecommendations = (signal?: AbortSignal) => get<Recommended>('/tracker-recommendations', signal);

/** acceptRecommendation makes a tracker of a recommendation; what the content does not say is taken from it. */
export const acceptRecommendation = (id: string, content?: TrackerContent) => send<Tracker>('POST', `/tracker-recommendations/${id}/accept`, content);

export const dismissRecommendation = (id: string) => send<undefined>('POST', `/tracker-recommendations/${id}/dismiss`);

export const searchRecommendations = () => send<undefined>('POST', '/tracker-recommendations/run');

/** Recent are the calls of the last days, the newest first. */
export interface Recent {
  calls: Listed[];
  complete: boolean; // false if there are more than were read
}

const recentPages = 5;

/** listRecent reads the calls since a time, a thousand at most. */
export async function listRecent(since: Date, signal?: AbortSignal): Promise<Recent> {
  const calls: Listed[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < recentPages; page++) {
    const query = new URLSearchParams({ limit: '200', since: since.toISOString() });
    if (cursor !== undefined) query.set('cursor', cursor);
    const answer = await get<ConversationPage>(`/conversations?${query.toString()}`, signal);
    calls.push(...answer.items);
    cursor = answer.next_cursor;
    if (cursor === undefined) return { calls, complete: true };
  }
  return { calls, complete: false };
}
