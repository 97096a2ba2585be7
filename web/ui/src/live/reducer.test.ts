import { describe, expect, it } from 'vitest';

import type { Conversation, Event, Match, Status, Utterance } from '../api/types';
import { initialState, matchesOf, newestFirst, reduce, trackerCounts, transcript, type State } from './reducer';

const id = '1763726400000001';

function conversation(status: Status, more: Partial<Conversation> = {}): Conversation {
  return {
    id, direction: 'inbound', channel: 'sip', status, from: 'a', to: 'b', created_at: '2025-11-21T12:00:00Z', duration_ms: 0,
    transferred: false, ...more,
  };
}

function event(seq: number, type: string, payload: Partial<Event>): Event {
  return { position: seq * 10, conversation_id: id, seq, type, at: '2025-11-21T12:00:00Z', offset_ms: 0, ...payload };
}

const utterance = (uid: string, text: string, final: boolean): Utterance =>
  ({ id: uid, role: 'caller', text, final, start_ms: Number(uid) * 1000, end_ms: 0, confidence: 1 });

const match = (mid: string, more: Partial<Match> = {}): Match => ({
  id: mid, utterance_id: '1', role: 'caller', tracker: 'Refund', phrase: 'money back', text: 'money back', start: 0, end: 10, start_ms: 0,
  end_ms: 0, score: 1, method: 'literal', ...more,
});

const story: Event[] = [
  event(1, 'conversation.queued', { conversation: conversation('queued') }),
  event(2, 'conversation.in-progress', { conversation: conversation('in-progress') }),
  event(3, 'utterance.partial', { utterance: utterance('1', 'i want', false) }),
  event(4, 'tracker.matched', { match: match('7', { provisional: true }) }),
  event(5, 'tracker.matched', { match: match('8', { provisional: true }) }),
  event(6, 'utterance.partial', { utterance: utterance('1', 'i want my money', false) }),
  event(7, 'utterance.final', { utterance: utterance('1', 'I want my money back.', true) }),
  event(8, 'tracker.matched', { match: match('7') }),
  event(9, 'tracker.withdrawn', { match: match('8') }),
  event(10, 'utterance.partial', { utterance: utterance('2', 'goodb', false) }),
  event(11, 'utterance.final', { utterance: utterance('2', '', true) }),
  event(12, 'dtmf.received', { notice: { code: 'dtmf', message: '5' } }),
  event(13, 'conversation.completed', { conversation: conversation('completed') }),
];

const told = (events: readonly Event[], state: State = initialState) => reduce(state, { kind: 'events', events });

function call(state: State) {
  const found = state.calls[id];
  if (!found) throw new Error('no such call');
  return found;
}

describe('events', () => {
  it('become a call with its words and matches', () => {
    const state = told(story);
    expect(call(state).conversation.status).toBe('completed');
    expect(transcript(call(state)).map((u) => u.text)).toEqual(['I want my money back.']);
    expect(matchesOf(call(state)).map((m) => [m.id, m.provisional])).toEqual([['7', undefined]]);
    expect(trackerCounts(call(state))).toEqual({ Refund: 1 });
    expect(Object.values(call(state).notices).map((n) => n.message)).toEqual(['5']);
    expect(state.position).toBe(130);
  });

  it('show partials while a turn is open', () => {
    expect(transcript(call(told(story.slice(0, 6))))[0]).toMatchObject({ text: 'i want my money', final: false });
  });

  it('may arrive twice and in any order', () => {
    const want = told(story);
    for (let shift = 0; shift < story.length; shift++) {
      const rotated = [...story.slice(shift), ...story.slice(0, shift)];
      for (const order of [rotated, rotated.toReversed(), [...rotated, ...story]]) {
        const got = told(order);
        expect(got.orphans).toEqual([]);
        expect(got.position).toBe(want.position);
        expect(call(got).conversation).toEqual(call(want).conversation);
        expect(transcript(call(got))).toEqual(transcript(call(want)));
        expect(matchesOf(call(got))).toEqual(matchesOf(call(want)));
      }
    }
  });

  it('keep the analysis that came with or after the end', () => {
    const analysis = {
      sentiment: 'negative' as const, sentiment_score: -0.5, transferred: true, summary: 'It ended.', producer: 'x', metrics: {
        caller_talk_ms: 1, agent_talk_ms: 1, silence_ms: 1, overlap_ms: 0, caller_turns: 1, agent_turns: 1, interruptions: 0, longest_pause_ms: 0,
      },
    };
    const state = told([event(14, 'conversation.analyzed', { analysis })], told(story));
    expect(call(state).conversation).toMatchObject({ status: 'completed', transferred: true, analysis: { summary: 'It ended.' } });
  });
});

describe('lists and histories', () => {
  it('a list does not put a call back', () => {
    const state = reduce(told(story), { kind: 'listed', items: [{ ...conversation('in-progress'), trackers: [] }] });
    expect(call(state).conversation.status).toBe('completed');
  });

  it('a list moves on a call whose events were missed', () => {
    const state = reduce(told(story.slice(0, 3)), { kind: 'listed', items: [{ ...conversation('failed'), trackers: [{ tracker: 'X', count: 2 }] }] });
    expect(call(state).conversation.status).toBe('failed');
  });

  it('events that came before their conversation are taken in with it', () => {
    const early = told(story.slice(6, 8));
    expect(newestFirst(early)).toEqual([]);
    const state = reduce(early, { kind: 'listed', items: [{ ...conversation('in-progress'), trackers: [] }] });
    expect(transcript(call(state)).map((u) => u.text)).toEqual(['I want my money back.']);
    expect(call(state).complete).toBe(false);
  });

  it('a history completes a call that was met midway', () => {
    const live = reduce(told(story.slice(6)), { kind: 'history', conversation: conversation('completed'), events: story });
    expect(call(live).complete).toBe(true);
    expect(matchesOf(call(live))).toHaveLength(1);
    expect(call(reduce(live, { kind: 'restart' })).complete).toBe(false);
  });

  it('the words of old calls are forgotten, their counts are not', () => {
    let state = initialState;
    for (let n = 0; n < 100; n++) {
      const other = String(1763726400000001 + n);
      state = told(story.map((e) => ({ ...e, conversation_id: other, ...(e.conversation && { conversation: { ...e.conversation, id: other } }) })), state);
    }
    expect(newestFirst(state)).toHaveLength(100);
    expect(Object.keys(call(state).utterances)).toEqual([]);
    expect(trackerCounts(call(state))).toEqual({ Refund: 1 });
  });
});
