import { Alert, Button, Skeleton } from '@mantine/core';
import { IconMinus, IconTrendingDown, IconTrendingUp } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { acceptRecommendation, dismissRecommendation, listRecommendations, searchRecommendations } from '../api/trackers';
import type { Recommendation, Recommended } from '../api/types';
import { addressOf, follow, navigate } from '../hooks';
import { whenWas } from '../text/format';
import list from './TrackerList.module.css';
import classes from './Recommendations.module.css';
import { Section } from './Section';
import { useToast } from './toast';
import { bars } from './trend';

/** How often the page looks whether a search has ended. */
const lookMS = 2000;

/** Recommendations shows what customers say that no tracker covers. */
export function Recommendations() {
  const toast = useToast();
  const [since, setSince] = useState<string | null>(); // the search before the one that was asked for
  const query = useQuery({
    queryKey: ['recommendations'],
    queryFn: ({ signal }) => listRecommendations(signal),
    refetchOnMount: 'always',
    refetchInterval: ({ state }) => (since !== undefined && (state.data?.last_run?.at ?? null) === since ? lookMS : false),
  });
  const last = query.data?.last_run;
  const search = useMutation({
    mutationFn: searchRecommendations,
    onSuccess: () => setSince(last?.at ?? null),
    onError: (error) => toast({ message: error.message }),
  });
  const searching = since !== undefined && (last?.at ?? null) === since;
  return (
    <Section
      page="recommendations"
      actions={
        <Button variant="default" loading={search.isPending || searching} onClick={() => search.mutate()}>
          Search now
        </Button>
      }
    >
      {query.isPending && <Skeleton height={260} radius="lg" />}
      {query.isError && (
        <Alert color="yellow" title="There are no recommendations to show">
          {query.error.message}
        </Alert>
      )}
      {query.isSuccess && <Found found={query.data} />}
    </Section>
  );
}

function Found({ found }: { found: Recommended }) {
  const { items, last_run: last } = found;
  return (
    <>
      {items.length === 0 && (
        <div className={list.none}>
          <h2>{last ? 'Nothing to recommend' : 'No search yet'}</h2>
          <p>
            {last
              ? 'What customers said in the last 30 days is covered by your trackers, or nothing was said often enough.'
              : 'Once a day the last 30 days are searched for what customers say again and again and no tracker covers.'}
          </p>
        </div>
      )}
      <ul className={classes.list}>
        {items.map((r) => (
          <Item key={r.id} recommendation={r} />
        ))}
      </ul>
      {last && (
        <p className={classes.last}>
          Last search: {whenWas(last.at, new Date().toDateString())}, {last.sentences.toLocaleString()} uncovered sentences of {last.conversations.toLocaleString()} calls
        </p>
      )}
    </>
  );
}

const trends = {
  rising: { label: 'Rising', Icon: IconTrendingUp },
  steady: { label: 'Steady', Icon: IconMinus },
  falling: { label: 'Falling', Icon: IconTrendingDown },
};

function Item({ recommendation: r }: { recommendation: Recommendation }) {
  const { label, Icon } = trends[r.trend];
  return (
    <li className={classes.item}>
      <div className={classes.head}>
        <div className={classes.what}>
          <h2>{r.name}</h2>
          <p>
            {r.sentences.toLocaleString()} sentences in {r.conversations.toLocaleString()} calls
            <span className={classes.trend}>
              <Icon size={15} /> {label}
            </span>
          </p>
        </div>
        <span className={`${list.bars ?? ''} ${classes.bars ?? ''}`} aria-hidden>
          {bars(r.per_day, 15).map((height, i) => (
            <i key={i} style={{ height: `${Math.max(8, height * 100)}%` }} data-none={height === 0} />
          ))}
        </span>
      </div>
      <div className={classes.phrases}>
        {r.phrases.slice(0, 8).map((phrase) => (
          <span key={phrase}>{phrase}</span>
        ))}
        {r.phrases.length > 8 && <span>+{r.phrases.length - 8}</span>}
      </div>
      <details>
        <summary>{r.examples.length === 1 ? '1 example' : `${r.examples.length} examples`}</summary>
        <ul>
          {r.examples.map((e) => (
            <li key={e.utterance_id + e.text}>
              “{e.text}”{' '}
              <a href={addressOf(e.conversation_id)} onClick={follow}>
                {whenWas(e.at, new Date().toDateString())}
              </a>
            </li>
          ))}
        </ul>
      </details>
      <Decision recommendation={r} />
    </li>
  );
}

function Decision({ recommendation: r }: { recommendation: Recommendation }) {
  const queries = useQueryClient();
  const toast = useToast();
  const [asking, setAsking] = useState(false);
  const refresh = () => {
    void queries.invalidateQueries({ queryKey: ['recommendations'] });
    void queries.invalidateQueries({ queryKey: ['trackers'] });
  };
  const failed = (error: Error) => toast({ message: error.message });
  const accept = useMutation({
    mutationFn: () => acceptRecommendation(r.id),
    onSuccess: (tracker) => {
      refresh();
      toast({ message: `${tracker.name} is a tracker now.` });
    },
    onError: failed,
  });
  const dismiss = useMutation({
    mutationFn: () => dismissRecommendation(r.id),
    onSuccess: () => {
      refresh();
      toast({ message: `${r.name} will not be recommended again.` });
    },
    onError: failed,
  });
  if (asking) {
    return (
      <div className={classes.decision}>
        <span>What means the same will never be recommended again.</span>
        <Button size="compact-sm" color="red" variant="light" loading={dismiss.isPending} onClick={() => dismiss.mutate()}>
          Dismiss for good
        </Button>
        <Button size="compact-sm" variant="subtle" color="gray" onClick={() => setAsking(false)}>
          Keep
        </Button>
      </div>
    );
  }
  return (
    <div className={classes.decision}>
      <Button size="compact-sm" loading={accept.isPending} onClick={() => accept.mutate()} aria-label={`Accept ${r.name}`}>
        Accept
      </Button>
      <Button size="compact-sm" variant="default" onClick={() => navigate(`/trackers/new?recommendation=${r.id}`)} aria-label={`Edit ${r.name}`}>
        Edit first
      </Button>
      <Button size="compact-sm" variant="subtle" color="gray" onClick={() => setAsking(true)} aria-label={`Dismiss ${r.name}`}>
        Dismiss
      </Button>
    </div>
  );
}
