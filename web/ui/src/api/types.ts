// The shapes that the daemon sends, as package conversation and package api define them.

export type Status = 'queued' | 'in-progress' | 'completed' | 'failed' | 'busy' | 'no-answer' | 'voicemail';
export type Direction = 'inbound' | 'outbound';
export type Role = 'caller' | 'agent';
export type Sentiment = 'not-applicable' | 'overly-negative' | 'negative' | 'neutral' | 'positive' | 'overly-positive';

export interface Conversation {
  id: string;
  direction: Direction;
  channel: string;
  status: Status;
  from: string;
  to: string;
  profile?: string;
  created_at: string;
  answered_at?: string;
  ended_at?: string;
  duration_ms: number;
  ended_by?: 'remote' | 'operator' | 'system';
  cause?: string;
  sip_code?: number;
  reason?: string;
  transferred: boolean;
  refs?: Record<string, string>;
  recording?: { file: string; sample_rate: number; duration_ms: number };
  degraded?: string[];
  analysis?: Analysis;
}

export interface Analysis {
  sentiment: Sentiment;
  sentiment_score: number;
  transferred: boolean;
  metrics: Metrics;
  summary: string;
  producer: string;
}

export interface Metrics {
  caller_talk_ms: number;
  agent_talk_ms: number;
  silence_ms: number;
  overlap_ms: number;
  caller_turns: number;
  agent_turns: number;
  interruptions: number;
  longest_pause_ms: number;
}

export interface Utterance {
  id: string;
  role: Role;
  text: string;
  stable_chars?: number;
  final: boolean;
  start_ms: number;
  end_ms: number;
  confidence: number;
  latency_ms?: number;
}

export interface Match {
  id: string;
  utterance_id: string;
  role: Role;
  tracker: string;
  phrase: string;
  text: string;
  start: number;
  end: number;
  start_ms: number;
  end_ms: number;
  score: number;
  method: 'literal' | 'meaning';
  provisional?: boolean;
}

export interface Notice {
  code: string;
  message: string;
  start_ms?: number;
  end_ms?: number;
}

export interface Event {
  position: number;
  conversation_id: string;
  seq: number;
  type: string;
  at: string;
  offset_ms: number;
  conversation?: Conversation;
  utterance?: Utterance;
  match?: Match;
  analysis?: Analysis;
  notice?: Notice;
}

export interface Tracker {
  id: string;
  name: string;
  vocabulary: string[];
}

export interface TrackerCount {
  tracker: string;
  count: number;
}

export type Listed = Conversation & { trackers: TrackerCount[] };

export interface ConversationPage {
  items: Listed[];
  next_cursor?: string;
}

export interface System {
  version: string;
  node: string;
  started_at: string;
  state: 'starting' | 'ready' | 'degraded' | 'stopping';
  problems: { part: string; message: string }[];
  models: { kind: string; name: string; ready: boolean }[];
  addresses: Record<string, string>;
  counts: { active_calls: number; conversations: number; trackers: number };
}

const running: readonly Status[] = ['queued', 'in-progress'];

/** isRunning tells whether a call has not ended yet. */
export const isRunning = (c: Conversation): boolean => running.includes(c.status);
