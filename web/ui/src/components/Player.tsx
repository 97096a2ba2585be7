import { ActionIcon, Menu, Tooltip, useComputedColorScheme } from '@mantine/core';
import { IconDownload, IconPlayerPauseFilled, IconPlayerPlayFilled } from '@tabler/icons-react';
import { useEffect, useImperativeHandle, useRef, useState, type Ref } from 'react';
import WaveSurfer from 'wavesurfer.js';

import { recordingAddress } from '../api/client';
import { clock } from '../text/format';
import classes from './Player.module.css';

export interface PlayerControl {
  playFrom: (ms: number) => void;
}

interface Props {
  id: string;
  ref: Ref<PlayerControl>;
  onTime: (ms: number | undefined) => void;
}

const speeds = [1, 1.25, 1.5, 2];
const laneHeight = 26;

/** Player plays the recording and draws it: the caller above, the operator's side below. */
export function Player({ id, ref, onTime }: Props) {
  const container = useRef<HTMLDivElement>(null);
  const surfer = useRef<WaveSurfer | null>(null);
  const [playing, setPlaying] = useState(false);
  const [timeMs, setTimeMs] = useState(0);
  const [totalMs, setTotalMs] = useState(0);
  const [speed, setSpeed] = useState(1);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    if (!container.current) return;
    const wave = WaveSurfer.create({
      container: container.current,
      url: recordingAddress(id),
      height: laneHeight,
      barWidth: 2,
      barGap: 1.5,
      barRadius: 2,
      normalize: true,
      cursorColor: 'var(--ink-3)',
      dragToSeek: true,
      splitChannels: lanes(),
    });
    surfer.current = wave;
    wave.on('ready', (seconds) => setTotalMs(seconds * 1000));
    wave.on('timeupdate', (seconds) => {
      setTimeMs(seconds * 1000);
      onTime(seconds > 0 ? seconds * 1000 : undefined);
    });
    wave.on('play', () => setPlaying(true));
    wave.on('pause', () => setPlaying(false));
    wave.on('error', () => setFailed(true));
    return () => {
      surfer.current = null;
      wave.destroy();
      onTime(undefined);
    };
  }, [id, onTime]);

  const scheme = useComputedColorScheme('light');
  useEffect(() => surfer.current?.setOptions({ splitChannels: lanes() }), [scheme]);

  useImperativeHandle(ref, () => ({
    playFrom: (ms) => {
      surfer.current?.setTime(ms / 1000);
      void surfer.current?.play();
    },
  }));

  if (failed) return <p className={classes.failed}>The recording could not be loaded.</p>;
  return (
    <div className={classes.player} role="group" aria-label="Recording">
      <ActionIcon
        size={38}
        radius="xl"
        aria-label={playing ? 'Pause' : 'Play'}
        disabled={totalMs === 0}
        onClick={() => void surfer.current?.playPause()}
      >
        {playing ? <IconPlayerPauseFilled size={18} /> : <IconPlayerPlayFilled size={18} />}
      </ActionIcon>
      <span className={classes.time}>{clock(timeMs)}</span>
      <div className={classes.wave} ref={container} style={{ height: 2 * laneHeight }} />
      <span className={classes.time}>{clock(totalMs)}</span>
      <Menu width={100} position="bottom-end">
        <Menu.Target>
          <button type="button" className={classes.speed} aria-label="Speed">
            {speed}×
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          {speeds.map((s) => (
            <Menu.Item
              key={s}
              onClick={() => {
                setSpeed(s);
                surfer.current?.setPlaybackRate(s);
              }}
            >
              {s}×
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Tooltip label="Download">
        <ActionIcon component="a" href={recordingAddress(id)} download={`${id}.wav`} variant="subtle" color="gray" aria-label="Download the recording">
          <IconDownload size={18} stroke={1.7} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}

/** lanes gives each channel the colour of its speaker. The part that was not played is paler but opaque: wavesurfer paints over it. */
const lanes = () =>
  ['var(--caller)', 'var(--agent)'].map((color) => ({
    waveColor: resolved(`color-mix(in oklab, ${color} 42%, var(--page))`),
    progressColor: resolved(color),
  }));

/** resolved computes a colour of the theme, which a canvas cannot do by itself. */
function resolved(expression: string): string {
  const probe = document.createElement('i');
  probe.style.color = expression;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
