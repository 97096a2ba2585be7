import type { Conversation, Sentiment, Status } from '../api/types';

/** clock writes milliseconds as 0:07, 12:34 or 1:02:03. */
export function clock(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const tail = `${String(minutes).padStart(hours > 0 ? 2 : 1, '0')}:${String(seconds).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}

/** elapsed returns how long a call has lasted so far, in milliseconds: from the answer, or from its start while it is not answered. */
export function elapsed(c: Conversation, now: number): number {
  if (c.ended_at !== undefined) return c.duration_ms;
  return Math.max(0, now - Date.parse(c.answered_at ?? c.created_at));
}

/** whenWas writes a time: the hour if it was today (by Date.toDateString), the date before it otherwise. */
export function whenWas(time: string, today: string): string {
  const at = new Date(time);
  const hour = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  if (at.toDateString() === today) return hour;
  return `${at.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${hour}`;
}

/** preciseTime writes a time with seconds. */
export const preciseTime = (time: string): string =>
  new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** customer returns the number or address at the other end, without the decoration of a SIP URI. */
export function customer(c: Conversation): string {
  return plainAddress(c.direction === 'outbound' ? c.to : c.from);
}

/** plainAddress takes the scheme and parameters off a SIP URI; the host stays, unless the user is a telephone number. */
export function plainAddress(address: string): string {
  const bare = address.replace(/^<|>$/g, '').replace(/^sips?:|^tel:/i, '').replace(/[;?].*$/, '');
  const [user = '', host] = bare.split('@');
  if (bare.trim() === '') return 'Unknown';
  return host === undefined || /^\+?[\d\s().-]{5,}$/.test(user) ? user || bare : bare;
}

const channels: Record<string, string> = { sip: 'SIP', webrtc: 'Browser' };

export const channelName = (channel: string): string => channels[channel] ?? channel;

export const statusNames: Record<Status, string> = {
  queued: 'Ringing', 'in-progress': 'Live', completed: 'Completed', failed: 'Failed', busy: 'Busy', 'no-answer': 'No answer', voicemail: 'Voicemail',
};

export const sentimentNames: Record<Sentiment, string> = {
  'not-applicable': 'Not applicable', 'overly-negative': 'Very negative', negative: 'Negative', neutral: 'Neutral', positive: 'Positive',
  'overly-positive': 'Very positive',
};

export const percent = (score: number): string => `${Math.round(score * 100)} %`;
