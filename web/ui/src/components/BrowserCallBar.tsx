import { ActionIcon, Button, CloseButton, Tooltip } from '@mantine/core';
import { IconMicrophone, IconMicrophoneOff, IconPhoneOff } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';

import type { BrowserCallControl } from '../call/useBrowserCall';
import { useNow } from '../hooks';
import { clock } from '../text/format';
import classes from './BrowserCallBar.module.css';

/** BrowserCallBar floats over the page while a call from it is set up or runs, and says why one ended badly. */
export function BrowserCallBar({ call }: { call: BrowserCallControl }) {
  const now = useNow(call.phase === 'talking');
  if (call.phase === 'idle') {
    return call.error === undefined ? null : (
      <div className={classes.bar} role="alert" data-error>
        <span className={classes.text}>{call.error}</span>
        <CloseButton aria-label="Dismiss" onClick={call.dismiss} />
      </div>
    );
  }
  const muteLabel = call.muted ? 'Unmute' : 'Mute';
  return (
    <div className={classes.bar} role="region" aria-label="Call from this browser">
      {call.microphone && <Level stream={call.microphone} muted={call.muted} />}
      <span className={classes.text}>
        {call.phase === 'connecting' ? 'Calling the operator…' : 'You are on a call'}
        {call.since !== undefined && <span className={classes.time}>{clock(now - call.since)}</span>}
      </span>
      {call.phase === 'talking' && (
        <Tooltip label={muteLabel}>
          <ActionIcon variant="default" size="lg" radius="xl" aria-label={muteLabel} aria-pressed={call.muted} onClick={call.toggleMute}>
            {call.muted ? <IconMicrophoneOff size={18} /> : <IconMicrophone size={18} />}
          </ActionIcon>
        </Tooltip>
      )}
      <Button color="red" radius="xl" leftSection={<IconPhoneOff size={16} />} onClick={call.hangUp} aria-label="End the call">
        {call.phase === 'connecting' ? 'Cancel' : 'End'}
      </Button>
    </div>
  );
}

const bars = [0.55, 0.85, 1, 0.8, 0.5];

/** Level shows that the microphone hears something. It draws outside of React, at the rate of the screen. */
function Level({ stream, muted }: { stream: MediaStream; muted: boolean }) {
  const box = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 512, smoothingTimeConstant: 0.6 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let frame = 0;
    const draw = () => {
      analyser.getFloatTimeDomainData(samples);
      const power = Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length);
      box.current?.style.setProperty('--level', String(Math.min(1, power * 7)));
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => {
      cancelAnimationFrame(frame);
      void context.close();
    };
  }, [stream]);
  return (
    <span className={classes.level} ref={box} data-muted={muted} aria-hidden>
      {bars.map((height, i) => (
        <i key={i} style={{ '--share': height } as React.CSSProperties} />
      ))}
    </span>
  );
}
