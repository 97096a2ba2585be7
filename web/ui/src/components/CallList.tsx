import { Button, CloseButton, Skeleton, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPhoneIncoming, IconPhoneOutgoing, IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { memo, useEffect, useState } from 'react';

import { listConversations } from '../api/client';
import { isRunning } from '../api/types';
import { addressOf, useNow } from '../hooks';
import { useLive } from '../live/context';
import { newestFirst, trackerCounts, type Call } from '../live/reducer';
import { clock, customer, elapsed, whenWas } from '../text/format';
import classes from './CallList.module.css';
import { StatusBadge } from './StatusBadge';
import { useTrackerStyle } from './useTrackerStyle';

const maxTags = 3;

interface Props {
  selected: string | undefined;
  onSelect: (id: string) => void;
}

/** CallList shows the calls now and the ended ones behind them. A search is answered by the daemon. */
export function CallList({ selected, onSelect }: Props) {
  const { state, dispatch } = useLive();
  const [input, setInput] = useState('');
  const [text] = useDebouncedValue(input.trim(), 250);
  const query = useInfiniteQuery({
    queryKey: ['conversations', text],
    queryFn: ({ pageParam, signal }) => listConversations(text, pageParam, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
  });
  const { data } = query;
  useEffect(() => {
    data?.pages.forEach((page) => dispatch({ kind: 'listed', items: page.items }));
  }, [data, dispatch]);

  const found = new Set(data?.pages.flatMap((page) => page.items.map((c) => c.id)));
  const calls = newestFirst(state).filter((c) => text === '' || found.has(c.conversation.id));
  const running = calls.filter((c) => isRunning(c.conversation));
  const ended = calls.filter((c) => !isRunning(c.conversation));
  const now = useNow(running.length > 0);
  const today = new Date(now).toDateString();
  const item = (call: Call) => (
    <CallItem
      key={call.conversation.id}
      call={call}
      now={isRunning(call.conversation) ? now : 0}
      today={today}
      selected={call.conversation.id === selected}
      onSelect={onSelect}
    />
  );

  return (
    <nav className={classes.list} aria-label="Calls">
      <div className={classes.search}>
        <TextInput
          type="search"
          aria-label="Search in what was said"
          placeholder="Search in what was said"
          leftSection={<IconSearch size={16} />}
          rightSection={input !== '' && <CloseButton size="sm" aria-label="Clear the search" onClick={() => setInput('')} />}
          value={input}
          onChange={(event) => setInput(event.currentTarget.value)}
        />
      </div>
      <div className={classes.scroll}>
        {query.isPending && <Placeholders />}
        {running.length > 0 && (
          <section aria-label="Calls now">
            <h2 className={classes.heading}>
              Now <span>{running.length}</span>
            </h2>
            <ul>{running.map(item)}</ul>
          </section>
        )}
        {ended.length > 0 && (
          <section aria-label="Ended calls">
            <h2 className={classes.heading}>{text === '' ? 'Recently ended' : 'Found'}</h2>
            <ul>{ended.map(item)}</ul>
          </section>
        )}
        {query.isSuccess && calls.length === 0 && (
          <p className={classes.none}>{text === '' ? 'No calls yet. They appear here the moment they come in.' : 'Nobody said that.'}</p>
        )}
        {query.isError && <p className={classes.none}>{query.error.message}</p>}
        {query.hasNextPage && (
          <Button variant="subtle" fullWidth loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Earlier calls
          </Button>
        )}
      </div>
    </nav>
  );
}

interface ItemProps {
  call: Call;
  now: number; // 0 for an ended call
  today: string;
  selected: boolean;
  onSelect: (id: string) => void;
}

const CallItem = memo(function CallItem({ call, now, today, selected, onSelect }: ItemProps) {
  const trackerStyle = useTrackerStyle();
  const c = call.conversation;
  const outbound = c.direction === 'outbound';
  const Direction = outbound ? IconPhoneOutgoing : IconPhoneIncoming;
  const trackers = Object.entries(trackerCounts(call)).sort(([a, n], [b, m]) => m - n || a.localeCompare(b));
  return (
    <li>
      <a
        className={classes.item}
        href={addressOf(c.id)}
        aria-current={selected ? 'true' : undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          onSelect(c.id);
        }}
      >
        <span className={classes.line}>
          <Direction size={16} stroke={1.8} className={classes.direction} aria-label={outbound ? 'Outbound' : 'Inbound'} />
          <span className={classes.number}>{customer(c)}</span>
          <span className={classes.duration}>{c.answered_at || now > 0 ? clock(elapsed(c, now)) : ''}</span>
        </span>
        <span className={classes.line}>
          <StatusBadge status={c.status} />
          <span className={classes.when}>{whenWas(c.created_at, today)}</span>
        </span>
        {trackers.length > 0 && (
          <span className={classes.tags}>
            {trackers.slice(0, maxTags).map(([name, n]) => (
              <span key={name} className={classes.tag} style={trackerStyle(name)}>
                {name}
                {n > 1 && <span className={classes.times}>{n}</span>}
              </span>
            ))}
            {trackers.length > maxTags && <span className={classes.more}>+{trackers.length - maxTags}</span>}
          </span>
        )}
      </a>
    </li>
  );
});

function Placeholders() {
  return (
    <div className={classes.placeholders} aria-hidden>
      {[0, 1, 2, 3].map((n) => (
        <Skeleton key={n} height={74} radius="md" />
      ))}
    </div>
  );
}
