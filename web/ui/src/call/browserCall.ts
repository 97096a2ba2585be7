import { Problem, request } from '../api/client';

/** gatheringMs is how long to wait for network candidates; without servers to ask, they are all local. */
const gatheringMs = 2000;

/** BrowserCall is a call from this page, signalled by WHIP (RFC 9725). */
export class BrowserCall {
  readonly name: string;
  readonly microphone: MediaStream;
  private readonly peer: RTCPeerConnection;
  private resource: string | undefined;
  private ended = false;

  private constructor(name: string, microphone: MediaStream, onEnd: (reason: string) => void, onAudio: (stream: MediaStream) => void) {
    this.name = name;
    this.microphone = microphone;
    this.peer = new RTCPeerConnection();
    for (const track of microphone.getAudioTracks()) this.peer.addTrack(track, microphone);
    this.peer.ontrack = (event) => onAudio(event.streams[0] ?? new MediaStream([event.track]));
    this.peer.onconnectionstatechange = () => {
      if (this.ended || !['failed', 'closed'].includes(this.peer.connectionState)) return;
      void this.hangUp();
      onEnd(this.peer.connectionState === 'failed' ? 'The audio connection could not be made.' : 'The call has ended.');
    };
  }

  /** place asks for the microphone and calls the operator. */
  static async place(onEnd: (reason: string) => void, onAudio: (stream: MediaStream) => void): Promise<BrowserCall> {
    const microphone = await openMicrophone();
    const call = new BrowserCall(newName(), microphone, onEnd, onAudio);
    try {
      await call.signal();
      return call;
    } catch (cause) {
      await call.hangUp();
      throw cause;
    }
  }

  private async signal(): Promise<void> {
    await this.peer.setLocalDescription();
    await gathered(this.peer);
    const response = await request(`/whip?from=${encodeURIComponent(this.name)}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: this.peer.localDescription?.sdp ?? '',
    });
    this.resource = response.headers.get('Location') ?? undefined;
    await this.peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  }

  get muted(): boolean {
    return this.microphone.getAudioTracks().every((track) => !track.enabled);
  }

  mute(muted: boolean): void {
    for (const track of this.microphone.getAudioTracks()) track.enabled = !muted;
  }

  /** hangUp ends the call on both sides. It may be called more than once, and while the page is being left. */
  async hangUp(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    for (const track of this.microphone.getTracks()) track.stop();
    try {
      if (this.resource !== undefined) await request(this.resource, { method: 'DELETE', keepalive: true });
    } catch (cause) {
      if (!(cause instanceof Problem && cause.status === 404)) throw cause; // the other side was first
    } finally {
      this.peer.close(); // last: the daemon would take it for the end and no longer know the resource
    }
  }
}

/** newName is the calling "number" of this call, by which its conversation is found among the events. */
function newName(): string {
  const digits = crypto.getRandomValues(new Uint8Array(3));
  return `browser-${Array.from(digits, (d) => d.toString(16).padStart(2, '0')).join('')}`;
}

async function openMicrophone(): Promise<MediaStream> {
  if (!('mediaDevices' in navigator)) throw new Error('The microphone can only be used on a page from localhost or over HTTPS.');
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  } catch (cause) {
    const name = cause instanceof DOMException ? cause.name : '';
    if (name === 'NotAllowedError') throw new Error('The browser was not allowed to use the microphone.', { cause });
    if (name === 'NotFoundError') throw new Error('There is no microphone.', { cause });
    throw cause;
  }
}

function gathered(peer: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    if (peer.iceGatheringState === 'complete') {
      resolve();
      return;
    }
    const timer = window.setTimeout(resolve, gatheringMs);
    peer.onicegatheringstatechange = () => {
      if (peer.iceGatheringState !== 'complete') return;
      window.clearTimeout(timer);
      resolve();
    };
  });
}
