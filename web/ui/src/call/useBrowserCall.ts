import { useCallback, useEffect, useRef, useState } from 'react';

import { BrowserCall } from './browserCall';

export type CallPhase = 'idle' | 'connecting' | 'talking';

export interface BrowserCallControl {
  phase: CallPhase;
  name: string | undefined; // the calling number of the running call
  since: number | undefined; // when it was answered
  muted: boolean;
  microphone: MediaStream | undefined;
  error: string | undefined;
  place: () => void;
  hangUp: () => void;
  toggleMute: () => void;
  dismiss: () => void;
}

/** useBrowserCall holds the one call this page may have. */
export function useBrowserCall(): BrowserCallControl {
  const [phase, setPhase] = useState<CallPhase>('idle');
  const [call, setCall] = useState<BrowserCall>();
  const [since, setSince] = useState<number>();
  const [muted, setMuted] = useState(false);
  const [error, setError] = useState<string>();
  const audio = useRef<HTMLAudioElement | undefined>(undefined);
  const attempt = useRef(0); // grows when a call is placed or given up

  const over = useCallback((reason?: string) => {
    attempt.current++;
    setPhase('idle');
    setCall(undefined);
    setSince(undefined);
    setMuted(false);
    setError(reason);
    if (audio.current) audio.current.srcObject = null;
  }, []);

  const listen = useCallback((stream: MediaStream) => {
    audio.current ??= new Audio();
    audio.current.srcObject = stream;
    void audio.current.play().catch(() => undefined); // without sound the call still goes on
  }, []);

  const place = useCallback(() => {
    setPhase('connecting');
    setError(undefined);
    const mine = ++attempt.current;
    BrowserCall.place((reason) => over(reason), listen).then(
      (placed) => {
        if (mine !== attempt.current) return void placed.hangUp(); // given up meanwhile
        setCall(placed);
        setSince(Date.now());
        setPhase('talking');
      },
      (cause: unknown) => {
        if (mine === attempt.current) over(cause instanceof Error ? cause.message : 'The call could not be placed.');
      },
    );
  }, [listen, over]);

  const hangUp = useCallback(() => {
    call?.hangUp().catch(() => undefined); // the daemon notices the silence
    over();
  }, [call, over]);

  useEffect(() => {
    if (!call) return;
    const leave = () => void call.hangUp();
    window.addEventListener('pagehide', leave);
    return () => window.removeEventListener('pagehide', leave);
  }, [call]);

  const toggleMute = useCallback(() => {
    call?.mute(!call.muted);
    setMuted(call?.muted ?? false);
  }, [call]);

  return {
    phase, name: call?.name, since, muted, microphone: call?.microphone, error, place, hangUp, toggleMute,
    dismiss: () => setError(undefined),
  };
}
