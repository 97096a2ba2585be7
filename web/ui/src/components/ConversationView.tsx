import { ActionIcon, Alert, Button, SegmentedControl, Skeleton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconAlertTriangle, IconArrowLeft, IconPhoneOff } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';

import { getConversation, getHistory, hangUp } from '../api/client';
import { isRunning } from '../api/types';
import { useNow } from '../hooks';
import { useLive } from '../live/context';
import { matchesOf, noticesOf, transcript, type Call } from '../live/reducer';
import { channelName, clock, customer, elapsed, plainAddress } from '../text/format';
import classes from './ConversationView.module.css';
import { MatchList } from './MatchList';
import { Player, type PlayerControl } from './Player';
import { StatusBadge } from './StatusBadge';
import { Summary } from './Summary';
import { Timeline } from './Timeline';
import { Transcript } from './Transcript';

interface Props {
  id: string;
  onBack: () => void;
}

/** ConversationView shows one conversation; what the events have not told is read from the daemon. */
export function ConversationView({ id, onBack }: Props) {
  const { state, dispatch, connection } = useLive();
  const call = state.calls[id];
  const { data, dataUpdatedAt, error } = useQuery({
    queryKey: ['history', id],
    queryFn: async ({ signal }) => {
      const [conversation, events] = await Promise.all([getConversation(id, signal), getHistory(id, signal)]);
      return { conversation, events };
    },
    enabled: connection !== 'connecting' && call?.complete !== true,
  });
  useEffect(() => {
    if (data) dispatch({ kind: 'history', ...data });
  }, [data, dataUpdatedAt, dispatch]); // also when the same was read again

  if (call === undefined) {
    return error ? (
      <Alert m="xl" color="red" title="This conversation cannot be shown">
        {error.message}
      </Alert>
    ) : (
      <Placeholder />
    );
  }
  return <Details call={call} onBack={onBack} />;
}

function Details({ call, onBack }: { call: Call; onBack: () => void }) {
  const { conversation } = call;
  const narrow = useMediaQuery('(max-width: 75em)', undefined, { getInitialValueInEffect: false });
  const [tab, setTab] = useState('transcript');
  const player = useRef<PlayerControl>(null);
  const [heardMs, setHeardMs] = useState<number>();
  const [scroll, setScroll] = useState<HTMLDivElement | null>(null);
  const matches = matchesOf(call);
  const utterances = transcript(call);
  const recorded = conversation.recording !== undefined && !isRunning(conversation);
  const seek = recorded ? (ms: number) => player.current?.playFrom(ms) : undefined;

  const sections = {
    transcript: <Transcript call={call} utterances={utterances} matches={matches} heardMs={heardMs} onSeek={seek} scroll={scroll} />,
    matches: <MatchList matches={matches} running={isRunning(conversation)} onSeek={seek} />,
    timeline: <Timeline conversation={conversation} notices={noticesOf(call)} />,
  };
  return (
    <div className={classes.view} ref={setScroll} data-recorded={recorded}>
      <div className={classes.top}>
        <Heading call={call} onBack={onBack} />
        {recorded && <Player key={conversation.id} id={conversation.id} ref={player} onTime={setHeardMs} />}
      </div>
      <div className={classes.notes}>
        {conversation.degraded?.map((problem) => (
          <Alert key={problem} color="yellow" variant="light" icon={<IconAlertTriangle size={18} />}>
            {problem}
          </Alert>
        ))}
        <Summary conversation={conversation} />
      </div>
      {narrow ? (
        <div className={classes.tabbed}>
          <SegmentedControl
            fullWidth
            aria-label="What to show"
            value={tab}
            onChange={setTab}
            data={[
              { value: 'transcript', label: 'Transcript' },
              { value: 'matches', label: `Matches ${matches.length > 0 ? matches.length : ''}` },
              { value: 'timeline', label: 'Timeline' },
            ]}
          />
          {sections[tab as keyof typeof sections]}
        </div>
      ) : (
        <div className={classes.columns}>
          {sections.transcript}
          <aside className={classes.aside} aria-label="Matches and timeline">
            <h2 className={classes.heading}>
              Matches {matches.length > 0 && <span className="numbers">{matches.length}</span>}
            </h2>
            {sections.matches}
            <h2 className={classes.heading}>Timeline</h2>
            {sections.timeline}
          </aside>
        </div>
      )}
    </div>
  );
}

function Heading({ call, onBack }: { call: Call; onBack: () => void }) {
  const c = call.conversation;
  const running = isRunning(c);
  const now = useNow(running);
  const end = useMutation({ mutationFn: () => hangUp(c.id) });
  const outbound = c.direction === 'outbound';
  return (
    <div className={classes.head}>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Back to the calls" className={classes.back} onClick={onBack}>
        <IconArrowLeft size={20} />
      </ActionIcon>
      <div className={classes.who}>
        <h1 className={classes.number}>{customer(c)}</h1>
        <p className={classes.facts}>
          <StatusBadge status={c.status} />
          <span className="numbers">{c.answered_at || running ? clock(elapsed(c, now)) : ''}</span>
          <span>
            {outbound ? `Outbound from ${plainAddress(c.from)}` : `Inbound to ${plainAddress(c.to)}`} by {channelName(c.channel)}
          </span>
        </p>
      </div>
      {running && (
        <Button
          variant="light"
          color="red"
          leftSection={<IconPhoneOff size={16} />}
          loading={end.isPending}
          onClick={() => end.mutate()}
          title={end.error?.message}
        >
          Hang up
        </Button>
      )}
    </div>
  );
}

function Placeholder() {
  return (
    <div className={classes.placeholder} aria-busy aria-label="Loading">
      <Skeleton height={34} width={240} />
      <Skeleton height={18} width={320} />
      <Skeleton height={90} />
      {[0, 1, 2, 3].map((n) => (
        <Skeleton key={n} height={44} width={`${90 - n * 12}%`} />
      ))}
    </div>
  );
}
