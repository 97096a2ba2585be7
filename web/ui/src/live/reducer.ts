import { isRunning, type Analysis, type Conversation, type Event, type Listed, type Match, type Notice, type Utterance } from '../api/types';

/** Numbered is something an event carried, with the sequence number of that event: of two with one identity the later counts. */
type Numbered<T> = T & { seq: number };

export interface TimedNotice extends Notice {
  type: string;
  at: string;
  offset_ms: number;
  seq: number;
}

/** Call is what the page knows about one conversation. */
export interface Call {
  conversation: Conversation;
  conversationSeq: number; // 0 if it came from a list
  counts: Record<string, number>; // matches by tracker, from a list
  utterances: Record<string, Numbered<Utterance>>;
  matches: Record<string, Numbered<Match> & { withdrawn: boolean }>;
  notices: Record<number, TimedNotice>;
  analysis?: Numbered<Analysis>;
  complete: boolean; // its history was read
}

/** State is everything the events have told. It does not depend on the order in which they arrive. */
export interface State {
  calls: Record<string, Call>;
  orphans: Event[]; // of conversations that are not known yet; see adopt
  position: number; // of the latest event, 0 before the first
  listed: boolean; // the list of conversations was read, so that none means none
}

export const initialState: State = { calls: {}, orphans: [], position: 0, listed: false };

export type Action =
  | { kind: 'events'; events: readonly Event[] } // live, or from a history
  | { kind: 'listed'; items: readonly Listed[] }
  | { kind: 'history'; conversation: Conversation; events: readonly Event[] }
  | { kind: 'restart' }; // events may have been missed: histories must be read again

const maxOrphans = 2000;
/** maxDetailed is for how many ended calls the words are kept; others are read again when they are looked at. */
const maxDetailed = 60;

export function reduce(state: State, action: Action): State {
  switch (action.kind) {
    case 'events':
      return forget(action.events.reduce(apply, state));
    case 'listed':
      return adopt(action.items.reduce(list, { ...state, listed: true }));
    case 'history': {
      const known = adopt(list(state, { ...action.conversation, trackers: [] }));
      const filled = action.events.reduce(apply, known);
      return update(filled, action.conversation.id, (call) => ({ ...call, complete: true }));
    }
    case 'restart':
      return { ...state, calls: mapValues(state.calls, (call) => ({ ...call, complete: false })) };
  }
}

/** apply takes one event in. An event of an unknown conversation waits until a list names it. */
function apply(state: State, event: Event): State {
  const at = { ...state, position: Math.max(state.position, event.position) };
  const known = state.calls[event.conversation_id];
  if (known === undefined && event.conversation === undefined) {
    return { ...at, orphans: [...state.orphans, event].slice(-maxOrphans) };
  }
  if (known === undefined && event.conversation !== undefined) {
    const call: Call = { ...newCall(event.conversation), conversationSeq: event.seq, complete: event.seq === 1 };
    return adopt({ ...at, calls: { ...at.calls, [event.conversation_id]: call } });
  }
  return update(at, event.conversation_id, (call) => change(call, event));
}

function change(call: Call, event: Event): Call {
  const { seq } = event;
  if (event.conversation && seq >= call.conversationSeq) {
    const analysis = event.conversation.analysis ?? call.conversation.analysis;
    return { ...call, conversationSeq: seq, conversation: { ...event.conversation, ...(analysis && { analysis }) } };
  }
  if (event.utterance) return { ...call, utterances: said(call.utterances, { ...event.utterance, seq }) };
  if (event.match) {
    const old = call.matches[event.match.id];
    if (old !== undefined && old.seq >= seq) return call;
    const withdrawn = event.type === 'tracker.withdrawn';
    return { ...call, matches: { ...call.matches, [event.match.id]: { ...event.match, seq, withdrawn } } };
  }
  if (event.analysis && seq >= (call.analysis?.seq ?? 0)) {
    const conversation = { ...call.conversation, analysis: event.analysis, transferred: event.analysis.transferred };
    return { ...call, analysis: { ...event.analysis, seq }, conversation };
  }
  if (event.notice) {
    const notice = { ...event.notice, type: event.type, at: event.at, offset_ms: event.offset_ms, seq };
    return { ...call, notices: { ...call.notices, [seq]: notice } };
  }
  return call;
}

/** said takes an utterance in: a later partial replaces an earlier one, and nothing replaces a final. */
function said(utterances: Call['utterances'], next: Numbered<Utterance>): Call['utterances'] {
  const old = utterances[next.id];
  if (old !== undefined && (old.final || (!next.final && old.seq >= next.seq))) return utterances;
  return { ...utterances, [next.id]: next };
}

/** list takes a conversation of a list in. What events told about it counts, unless the list is further. */
function list(state: State, item: Listed): State {
  const { trackers, ...conversation } = item;
  const counts = Object.fromEntries(trackers.map((t) => [t.tracker, t.count]));
  const old = state.calls[item.id];
  if (old === undefined) {
    return { ...state, calls: { ...state.calls, [item.id]: { ...newCall(conversation), counts } } };
  }
  return update(state, item.id, (call) => ({
    ...call,
    counts: trackers.length > 0 ? counts : call.counts,
    conversation: progress(conversation) >= progress(call.conversation) ? conversation : call.conversation,
  }));
}

/** progress orders the states of one conversation in time. */
function progress(c: Conversation): number {
  if (c.analysis) return 3;
  if (!isRunning(c)) return 2;
  return c.status === 'in-progress' ? 1 : 0;
}

/** adopt takes in the events that waited for their conversation. */
function adopt(state: State): State {
  const ready = state.orphans.filter((e) => state.calls[e.conversation_id] !== undefined);
  if (ready.length === 0) return state;
  const orphans = state.orphans.filter((e) => state.calls[e.conversation_id] === undefined);
  return ready.reduce(apply, { ...state, orphans });
}

/** forget drops the words of calls that ended long ago, so that a page may stay open for days. */
function forget(state: State): State {
  const ended = Object.values(state.calls).filter((c) => c.complete && !isRunning(c.conversation));
  if (ended.length <= maxDetailed) return state;
  const old = ended.sort((a, b) => b.conversation.id.localeCompare(a.conversation.id)).slice(maxDetailed / 2);
  const calls = { ...state.calls };
  for (const call of old) calls[call.conversation.id] = { ...newCall(call.conversation), counts: trackerCounts(call) };
  return { ...state, calls };
}

function newCall(conversation: Conversation): Call {
  return { conversation, conversationSeq: 0, counts: {}, utterances: {}, matches: {}, notices: {}, complete: false };
}

function update(state: State, id: string, f: (call: Call) => Call): State {
  const call = state.calls[id];
  return call === undefined ? state : { ...state, calls: { ...state.calls, [id]: f(call) } };
}

function mapValues<T>(record: Record<string, T>, f: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]));
}

/** transcript returns the utterances of a call in the order in which they began. */
export function transcript(call: Call): Numbered<Utterance>[] {
  return Object.values(call.utterances)
    .filter((u) => u.text.trim() !== '')
    .sort((a, b) => a.start_ms - b.start_ms || a.id.localeCompare(b.id));
}

/** matchesOf returns the matches that stand, in the order in which they were said. */
export function matchesOf(call: Call): Match[] {
  return Object.values(call.matches)
    .filter((m) => !m.withdrawn)
    .sort((a, b) => a.start_ms - b.start_ms || a.start - b.start || a.id.localeCompare(b.id));
}

/** noticesOf returns the notices of a call in their order. */
export const noticesOf = (call: Call): TimedNotice[] => Object.values(call.notices).sort((a, b) => a.seq - b.seq);

/** trackerCounts tells how often each tracker matched, by what is known of the call. */
export function trackerCounts(call: Call): Record<string, number> {
  if (!call.complete && Object.keys(call.matches).length === 0) return call.counts;
  const counts: Record<string, number> = {};
  for (const m of matchesOf(call)) counts[m.tracker] = (counts[m.tracker] ?? 0) + 1;
  if (call.complete) return counts;
  for (const [tracker, n] of Object.entries(call.counts)) counts[tracker] = Math.max(n, counts[tracker] ?? 0);
  return counts;
}

/** newestFirst returns the calls by the time they began. */
export const newestFirst = (state: State): Call[] =>
  Object.values(state.calls).sort((a, b) => b.conversation.created_at.localeCompare(a.conversation.created_at) || b.conversation.id.localeCompare(a.conversation.id));
