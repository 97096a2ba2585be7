import { ActionIcon, Anchor, Button, Popover, Text, Tooltip, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { IconBook2, IconChevronDown, IconMoon, IconPhoneCall, IconSun } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';

import { getSystem } from '../api/client';
import type { System } from '../api/types';
import type { BrowserCallControl } from '../call/useBrowserCall';
import { follow, navigate } from '../hooks';
import { useLive } from '../live/context';
import type { Connection } from '../live/stream';
import classes from './Header.module.css';

/** useSystem returns how the daemon is, asked for now and then. */
export function useSystem() {
  return useQuery({ queryKey: ['system'], queryFn: ({ signal }) => getSystem(signal), refetchInterval: 10_000 });
}

interface Props {
  call: BrowserCallControl;
  section: 'calls' | 'trackers';
}

export function Header({ call, section }: Props) {
  return (
    <header className={classes.header}>
      <UnstyledButton className={classes.brand} onClick={() => navigate('/')} aria-label="operatord, back to the newest call">
        <img src="/favicon.svg" width={28} height={28} alt="" />
        <span className={classes.name}>operatord</span>
      </UnstyledButton>
      <nav className={classes.pages} aria-label="Pages">
        <a href="/" onClick={follow} aria-current={section === 'calls' ? 'page' : undefined}>
          Calls
        </a>
        <a href="/trackers" onClick={follow} aria-current={section === 'trackers' ? 'page' : undefined}>
          Trackers
        </a>
      </nav>
      <Readiness />
      <div className={classes.space} />
      <SchemeToggle />
      <Tooltip label="API documentation">
        <ActionIcon component="a" href="/docs" variant="subtle" color="gray" size="lg" aria-label="API documentation" className={classes.docs}>
          <IconBook2 size={19} stroke={1.7} />
        </ActionIcon>
      </Tooltip>
      <Button
        leftSection={<IconPhoneCall size={17} stroke={1.9} />}
        onClick={call.place}
        loading={call.phase === 'connecting'}
        disabled={call.phase === 'talking'}
        aria-label="Call from this browser"
        className={classes.call}
      >
        <span className={classes.long}>Call from this browser</span>
      </Button>
    </header>
  );
}

interface Shown {
  tone: 'good' | 'warn' | 'bad';
  label: string;
}

/** readiness puts the state of the daemon and of our connection to it into one word. */
function readiness(system: System | undefined, unreachable: boolean, connection: Connection): Shown {
  if (unreachable) return { tone: 'bad', label: 'Unreachable' };
  if (connection === 'reconnecting') return { tone: 'warn', label: 'Reconnecting' };
  if (system === undefined || connection === 'connecting') return { tone: 'warn', label: 'Connecting' };
  const labels = { ready: 'Ready', degraded: 'Degraded', starting: 'Starting', stopping: 'Stopping' };
  return { tone: system.state === 'ready' ? 'good' : 'warn', label: labels[system.state] };
}

function Readiness() {
  const { connection } = useLive();
  const { data: system, isError } = useSystem();
  const { tone, label } = readiness(system, isError, connection);
  return (
    <Popover width={340} position="bottom-start" shadow="md" withArrow>
      <Popover.Target>
        <UnstyledButton className={classes.state} data-tone={tone} aria-label={`State: ${label}`}>
          <span className={classes.dot} />
          <span role="status" className={classes.label}>
            {label}
          </span>
          <IconChevronDown size={14} />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>{system ? <SystemDetails system={system} /> : <Text size="sm">The daemon does not answer.</Text>}</Popover.Dropdown>
    </Popover>
  );
}

function SystemDetails({ system }: { system: System }) {
  return (
    <div className={classes.details}>
      {system.problems.map((p) => (
        <p key={`${p.part} ${p.message}`} className={classes.problem}>
          <strong>{p.part}</strong> {p.message}
        </p>
      ))}
      <dl>
        {system.models.map((m) => (
          <Fact key={`${m.kind} ${m.name}`} name={`${m.kind} model`} value={m.ready ? m.name : `${m.name} (not ready)`} />
        ))}
        {Object.entries(system.addresses).map(([name, address]) => (
          <Fact key={name} name={name.replace('_', ' ').toUpperCase()} value={address} />
        ))}
        <Fact name="Trackers" value={String(system.counts.trackers)} />
        <Fact name="Conversations" value={system.counts.conversations.toLocaleString()} />
        <Fact name="Version" value={system.version} />
      </dl>
      <Anchor href="/metrics" size="xs">
        Metrics
      </Anchor>
    </div>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light', { getInitialValueInEffect: false }) === 'dark';
  const label = dark ? 'Light colours' : 'Dark colours';
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={label} onClick={() => setColorScheme(dark ? 'light' : 'dark')}>
        {dark ? <IconSun size={19} stroke={1.7} /> : <IconMoon size={19} stroke={1.7} />}
      </ActionIcon>
    </Tooltip>
  );
}
