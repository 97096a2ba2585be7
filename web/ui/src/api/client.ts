import type { Conversation, ConversationPage, Event, System } from './types';

/** MemberProblem is what is wrong with one member of what was sent. */
export interface MemberProblem {
  location: string;
  message: string;
}

/** Problem is an error the daemon answered with (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly members: readonly MemberProblem[];

  constructor(status: number, detail: string, members: readonly MemberProblem[] = []) {
    super(detail);
    this.status = status;
    this.members = members;
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
  if (!response.ok) throw await problem(response);
  return response;
}

async function problem(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    const { detail, title, errors } = JSON.parse(text) as { detail?: string; title?: string; errors?: MemberProblem[] };
    return new Problem(response.status, detail ?? title ?? text, errors);
  } catch {
    return new Problem(response.status, text.trim() === '' ? `the daemon answered ${response.status}` : text.trim());
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(`/api/v1${path}`, { signal });
  return (await response.json()) as T;
}

/** send is request with a JSON body and a JSON answer, if there is one. */
export async function send<T>(method: string, path: string, value?: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
  const sent: RequestInit = { method, headers, signal };
  if (value !== undefined) {
    sent.headers = { ...headers, 'Content-Type': 'application/json' };
    sent.body = JSON.stringify(value);
  }
  const response = await request(`/api/v1${path}`, sent);
  return (response.status === 204 || response.headers.get('Content-Length') === '0' ? undefined : await response.json()) as T;
}

export const getSystem = (signal?: AbortSignal) => get<System>('/system', signal);

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
