import { withToken } from '../api/client';
import type { Event } from '../api/types';

export type Connection = 'connecting' | 'live' | 'reconnecting';

export interface StreamOptions {
  /** position is that of the latest event known, 0 for none. */
  position: () => number;
  onEvents: (events: Event[]) => void;
  onConnection: (connection: Connection) => void;
  /** onFresh is called when events may have been missed: at first, and after an absence that is too long to catch up with. */
  onFresh: () => void;
}

const flushMs = 40; // events are handed on in batches, so that a busy node costs a page few renderings
const firstRetryMs = 400;
const maxRetryMs = 8000;
const maxAbsenceMs = 10 * 60 * 1000;

/** EventStream follows the daemon's events and resumes behind the last one whenever the connection breaks. */
export class EventStream {
  private readonly options: StreamOptions;
  private socket: WebSocket | undefined;
  private retry: number | undefined;
  private flush: number | undefined;
  private waiting: Event[] = [];
  private failures = 0;
  private lastContact = 0; // when events could last be received, by the monotonic clock

  constructor(options: StreamOptions) {
    this.options = options;
  }

  start(): void {
    window.addEventListener('online', this.reconnectNow);
    document.addEventListener('visibilitychange', this.reconnectNow);
    this.connect();
  }

  stop(): void {
    window.removeEventListener('online', this.reconnectNow);
    document.removeEventListener('visibilitychange', this.reconnectNow);
    window.clearTimeout(this.retry);
    window.clearTimeout(this.flush);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close(1000);
  }

  private connect(): void {
    this.options.onConnection(this.failures === 0 && this.lastContact === 0 ? 'connecting' : 'reconnecting');
    const position = this.options.position();
    const fresh = position === 0 || performance.now() - this.lastContact > maxAbsenceMs;
    const address = new URL(withToken(`/api/v1/events?after=${fresh ? -1 : position}`), window.location.href);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      this.lastContact = performance.now();
      this.options.onConnection('live');
      if (fresh) this.options.onFresh();
    };
    socket.onmessage = (message: MessageEvent<string>) => this.received(JSON.parse(message.data) as Event);
    socket.onclose = (closed) => {
      if (this.socket !== socket) return;
      if (socket.readyState === WebSocket.CLOSED) this.socket = undefined;
      this.disconnected(closed.code);
    };
  }

  private received(event: Event): void {
    this.lastContact = performance.now();
    this.waiting.push(event);
    this.flush ??= window.setTimeout(() => this.handOn(), flushMs);
  }

  private handOn(): void {
    window.clearTimeout(this.flush);
    this.flush = undefined;
    const events = this.waiting;
    this.waiting = [];
    if (events.length > 0) this.options.onEvents(events);
  }

  private disconnected(code: number): void {
    this.handOn(); // what was received counts before the position is asked for again
    const tooSlow = code === 1013;
    const delay = tooSlow ? 0 : Math.min(maxRetryMs, firstRetryMs * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.failures++;
    this.options.onConnection('reconnecting');
    this.retry = window.setTimeout(() => this.connect(), delay);
  }

  private readonly reconnectNow = (): void => {
    if (this.socket !== undefined || document.visibilityState === 'hidden') return;
    window.clearTimeout(this.retry);
    this.connect();
  };
}
