import { Alert, Button, CloseButton, NativeSelect, Skeleton, Switch, TextInput, Tooltip } from '@mantine/core';
import { IconBooks, IconPlus, IconSearch } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState, type CSSProperties } from 'react';

import { listPrecision, listRecent, listTrackers, patchTracker } from '../api/trackers';
import type { Tally, Tracker } from '../api/types';
import { useTrackerStyle } from '../components/useTrackerStyle';
import { follow, navigate } from '../hooks';
import { percent } from '../text/format';
import { categoriesOf } from './draft';
import { LibraryDrawer } from './LibraryDrawer';
import { Section } from './Section';
import { useToast } from './toast';
import classes from './TrackerList.module.css';
import { bars, trendDays, trends, type Trend } from './trend';

const roles = { caller: 'Caller', agent: 'Operator', anyone: 'Anyone' };
const noDays = Array.from({ length: trendDays }, () => 0);

/** TrackerList shows all trackers with how they do. */
export function TrackerList() {
  const query = useQuery({ queryKey: ['trackers'], queryFn: ({ signal }) => listTrackers(signal), refetchOnMount: 'always' });
  const [text, setText] = useState('');
  const [category, setCategory] = useState('');
  const [library, setLibrary] = useState(false);
  const trackers = query.data ?? [];
  const shown = trackers.filter((t) => (category === '' || t.categories?.includes(category)) && mentions(t, text.trim().toLowerCase()));
  const actions = (
    <>
      <Button variant="default" leftSection={<IconBooks size={17} />} onClick={() => setLibrary(true)}>
        Library
      </Button>
      <Button leftSection={<IconPlus size={17} />} onClick={() => navigate('/trackers/new')}>
        New tracker
      </Button>
    </>
  );

  return (
    <Section page="list" actions={actions}>
      {query.isError && (
        <Alert color="red" title="The trackers cannot be shown" mb="md">
          {query.error.message}
        </Alert>
      )}
      {query.isPending && <Skeleton height={320} radius="lg" />}
      {query.isSuccess && trackers.length === 0 && (
        <div className={classes.none}>
          <h2>No trackers yet</h2>
          <p>A tracker finds what is meant, however it is said. Take one from the library, or write a few phrases of your own.</p>
        </div>
      )}
      {trackers.length > 0 && (
        <>
          <div className={classes.filters}>
            <TextInput
              type="search"
              aria-label="Search trackers"
              placeholder="Search names and phrases"
              className={classes.search}
              leftSection={<IconSearch size={16} />}
              rightSection={text !== '' && <CloseButton size="sm" aria-label="Clear the search" onClick={() => setText('')} />}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
            />
            <NativeSelect
              aria-label="Category"
              value={category}
              onChange={(event) => setCategory(event.currentTarget.value)}
              data={[{ value: '', label: 'All categories' }, ...categoriesOf(trackers)]}
            />
          </div>
          {shown.length > 0 ? <Table trackers={shown} /> : <p className={classes.nothing}>No tracker has that.</p>}
        </>
      )}
      <LibraryDrawer opened={library} onClose={() => setLibrary(false)} />
    </Section>
  );
}

const mentions = (t: Tracker, text: string): boolean =>
  text === '' || [t.name, t.description ?? '', ...t.vocabulary].some((words) => words.toLowerCase().includes(text));

/** useTrends counts matches in the calls of the last days; it tells whether all of them were read. */
function useTrends() {
  const { data, dataUpdatedAt } = useQuery({
    queryKey: ['recent'],
    queryFn: ({ signal }) => listRecent(new Date(Date.now() - trendDays * 24 * 60 * 60 * 1000), signal),
    staleTime: 60_000,
  });
  return useMemo(() => (data ? { byName: trends(data.calls, dataUpdatedAt), calls: data.calls.length, complete: data.complete } : undefined), [data, dataUpdatedAt]);
}

function Table({ trackers }: { trackers: readonly Tracker[] }) {
  const recent = useTrends();
  const precision = useQuery({ queryKey: ['precision'], queryFn: ({ signal }) => listPrecision(signal), staleTime: 60_000 });
  const period = recent?.complete === false ? `last ${recent.calls.toLocaleString()} calls` : `${trendDays} days`;
  return (
    <div className={classes.card}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Tracker</th>
            <th scope="col" className={classes.wide}>
              Phrases
            </th>
            <th scope="col" className={classes.wide}>
              Said by
            </th>
            <th scope="col">
              Matches <span className={classes.period}>{period}</span>
            </th>
            <th scope="col" className={classes.wide}>
              Precision
            </th>
            <th scope="col">
              <span className={classes.hidden}>Enabled</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {trackers.map((t) => (
            <Row key={t.id} tracker={t} trend={recent?.byName.get(t.name)} counted={recent !== undefined} tally={precision.data?.find((p) => p.tracker_id === t.id)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ tracker, trend, counted, tally }: { tracker: Tracker; trend: Trend | undefined; counted: boolean; tally: Tally | undefined }) {
  const trackerStyle = useTrackerStyle();
  return (
    <tr data-enabled={tracker.enabled}>
      <th scope="row" className={classes.name}>
        <a href={`/trackers/${tracker.id}`} onClick={follow}>
          <i style={trackerStyle(tracker.name)} aria-hidden />
          {tracker.name}
        </a>
        {tracker.categories && (
          <span className={classes.categories}>
            {tracker.categories.map((c) => (
              <span key={c}>{c}</span>
            ))}
          </span>
        )}
        {tracker.description !== undefined && <p>{tracker.description}</p>}
      </th>
      <td className={classes.wide}>{tracker.vocabulary.length}</td>
      <td className={classes.wide}>{roles[tracker.role ?? 'anyone']}</td>
      <td>{counted ? <Matches trend={trend} style={trackerStyle(tracker.name)} /> : ''}</td>
      <td className={classes.wide}>
        <Precision tally={tally} />
      </td>
      <td className={classes.enabled}>
        <EnabledSwitch tracker={tracker} />
      </td>
    </tr>
  );
}

function Matches({ trend, style }: { trend: Trend | undefined; style: CSSProperties }) {
  return (
    <span className={classes.matches}>
      <span className={classes.bars} style={style} aria-hidden>
        {bars(trend?.perDay ?? noDays, 15).map((height, i) => (
          <i key={i} style={{ height: `${Math.max(8, height * 100)}%` }} data-none={height === 0} />
        ))}
      </span>
      <span className={classes.total}>{(trend?.total ?? 0).toLocaleString()}</span>
    </span>
  );
}

function Precision({ tally }: { tally: Tally | undefined }) {
  if (tally?.precision === undefined) {
    return (
      <Tooltip label="None of its matches was reviewed yet">
        <span className={classes.unknown}>–</span>
      </Tooltip>
    );
  }
  return (
    <Tooltip label={`${tally.right} right, ${tally.wrong} wrong, ${tally.missed} missed, as far as they were reviewed`}>
      <span>{percent(tally.precision)}</span>
    </Tooltip>
  );
}

function EnabledSwitch({ tracker }: { tracker: Tracker }) {
  const queries = useQueryClient();
  const toast = useToast();
  const toggle = useMutation({
    mutationFn: (enabled: boolean) => patchTracker(tracker.id, tracker.version, { enabled }),
    onSuccess: (saved) => queries.setQueryData<Tracker[]>(['trackers'], (all) => all?.map((t) => (t.id === saved.id ? saved : t))),
    onError: (error) => {
      toast({ message: `${tracker.name}: ${error.message}` });
      void queries.invalidateQueries({ queryKey: ['trackers'] });
    },
  });
  return (
    <Switch
      aria-label={`${tracker.name} enabled`}
      checked={toggle.isPending ? toggle.variables : tracker.enabled}
      onChange={(event) => toggle.mutate(event.currentTarget.checked)}
    />
  );
}
