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
  stance?: 'negated' | 'question' | 'conditional' | 'reported';
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

/** Handling says what becomes of a phrase that is not simply said. */
export type Handling = 'match' | 'ignore' | 'separate';

export interface Stance {
  negation?: Handling;
  question?: Handling;
  conditional?: Handling;
  reported?: Handling;
}

/** TrackerContent is what people decide about a tracker; absent members have their defaults. */
export interface TrackerContent {
  name: string;
  description?: string;
  categories?: string[];
  vocabulary: string[];
  threshold?: number;
  role?: Role;
  languages?: string[];
  exclusions?: string[];
  negative_examples?: string[];
  stance?: Stance;
  alerts_per_hour?: number;
  enabled: boolean;
}

export interface TrackerWarning {
  code: string;
  member: string;
  message: string;
}

export interface Tracker extends TrackerContent {
  id: string;
  version: number;
  live_version?: number;
  library?: string;
  updated_by?: string;
  created_at: string;
  updated_at: string;
  warnings?: TrackerWarning[];
}

export type TrackerVersion = Tracker & { changed: string[] };

/** Tally is how often a tracker was right, as far as people have reviewed its matches. */
export interface Tally {
  tracker_id?: string;
  right: number;
  wrong: number;
  missed: number;
  precision?: number;
  recall?: number;
}

export interface Found {
  conversation_id: string;
  at: string;
  utterance: string;
  match: Match;
  verdict?: 'right' | 'wrong' | 'missed';
}

/** Preview is what a draft of a tracker would have found in past calls. */
export interface Preview {
  coverage: { conversations: number; utterances: number; since?: string; until: string; complete: boolean; took_ms: number };
  threshold: number;
  match_count: number;
  matches: Found[];
  near_miss_count: number;
  near_misses: Found[];
  reviewed: Tally;
  matches_per_day: number;
  alerts_per_day: number;
}

export interface LibraryEntry extends Omit<TrackerContent, 'enabled'> {
  category: string;
  trackers: string[];
}

export interface LibraryDifference {
  library: string;
  identical: boolean;
  phrases_added: string[];
  phrases_removed: string[];
  changes: { member: string; library: unknown; tracker: unknown }[];
}

export interface Recommendation {
  id: string;
  name: string;
  phrases: string[];
  examples: { conversation_id: string; utterance_id: string; at: string; text: string }[];
  sentences: number;
  conversations: number;
  per_day: number[];
  trend: 'rising' | 'steady' | 'falling';
}

export interface Recommended {
  items: Recommendation[];
  last_run?: { at: string; conversations: number; sentences: number; found: number };
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
