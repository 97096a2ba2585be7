import type { Conversation, ConversationPage, Event, System, Tracker } from './types';

/** Problem is an error the daemon answered with (RFC 9457). */
export class Problem extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

const tokenKey = 'operatord-token';

/** token returns the access token of this browser session; null if none was given. */
export const token = (): string | null => sessionStorage.getItem(tokenKey);

export const setToken = (value: string): void => sessionStorage.setItem(tokenKey, value);

/** withToken adds the token to an address, for what cannot send headers. */
export function withToken(address: string): string {
  const value = token();
  if (value === null) return address;
  return `${address}${address.includes('?') ? '&' : '?'}access_token=${encodeURIComponent(value)}`;
}

/** request is fetch with the token and with errors as exceptions. */
export async function request(address: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const value = token();
  if (value !== null) headers.set('Authorization', `Bearer ${value}`);
  const response = await fetch(address, { ...init, headers });
  if (!response.ok) throw new Problem(response.status, await detail(response));
  return response;
}

async function detail(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as { detail?: string; title?: string };
    return problem.detail ?? problem.title ?? text;
  } catch {
    return text.trim() === '' ? `the daemon answered ${response.status}` : text.trim();
  }
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(`/api/v1${path}`, { signal });
  return (await response.json()) as T;
}

export const getSystem = (signal?: AbortSignal) => get<System>('/system', signal);

/** listTrackers returns the trackers in force. */
export async function listTrackers(signal?: AbortSignal): Promise<Tracker[]> {
  return (await get<{ items: Tracker[] }>('/trackers', signal)).items;
}

export const getConversation = (id: string, signal?: AbortSignal) => get<Conversation>(`/conversations/${id}`, signal);

/** listConversations returns one page, newest first; text restricts it to conversations in which it was said. */
export function listConversations(text: string, cursor: string, signal?: AbortSignal): Promise<ConversationPage> {
  const query = new URLSearchParams({ limit: '30' });
  if (text !== '') query.set('q', text);
  if (cursor !== '') query.set('cursor', cursor);
  return get<ConversationPage>(`/conversations?${query.toString()}`, signal);
}

const historyTypes = [
  'conversation.queued', 'conversation.ringing', 'conversation.in-progress', 'conversation.completed', 'conversation.failed',
  'conversation.busy', 'conversation.no-answer', 'conversation.voicemail', 'conversation.degraded', 'conversation.analyzed',
  'utterance.final', 'tracker.matched', 'tracker.withdrawn', 'dtmf.received', 'transcription.gap',
].join(',');

/** getHistory returns every event of a conversation but the partials. */
export async function getHistory(id: string, signal?: AbortSignal): Promise<Event[]> {
  const limit = 1000;
  const events: Event[] = [];
  for (;;) {
    const after = events.at(-1)?.seq ?? 0;
    const page = await get<{ items: Event[] }>(`/conversations/${id}/events?limit=${limit}&after=${after}&types=${historyTypes}`, signal);
    events.push(...page.items);
    if (page.items.length < limit) return events;
  }
}

export async function hangUp(id: string): Promise<void> {
  await request(`/api/v1/conversations/${id}/hangup`, { method: 'POST' });
}

export const recordingAddress = (id: string): string => withToken(`/api/v1/conversations/${id}/recording`);
