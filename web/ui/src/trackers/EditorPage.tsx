import { Alert, Anchor, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { getTracker, listRecommendations } from '../api/trackers';
import { follow } from '../hooks';
import { draftOf, emptyDraft } from './draft';
import { Editor } from './Editor';
import classes from './Editor.module.css';

/** EditorPage shows a stored tracker, or a new one: an empty one or what a recommendation proposes. */
export function EditorPage({ id }: { id: string | undefined }) {
  if (id !== undefined) return <StoredTracker id={id} />;
  const recommendation = new URLSearchParams(window.location.search).get('recommendation');
  return recommendation === null ? <Editor initial={emptyDraft} /> : <Recommended id={recommendation} />;
}

function StoredTracker({ id }: { id: string }) {
  // While it is shown, it changes only here; each visit reads it anew.
  const query = useQuery({ queryKey: ['tracker', id], queryFn: ({ signal }) => getTracker(id, signal), staleTime: Infinity, gcTime: 0 });
  if (query.isError) return <Failed message={query.error.message} />;
  return query.data ? <Editor tracker={query.data} initial={draftOf(query.data)} /> : <Placeholder />;
}

function Recommended({ id }: { id: string }) {
  const query = useQuery({ queryKey: ['recommendations'], queryFn: ({ signal }) => listRecommendations(signal) });
  const found = query.data?.items.find((r) => r.id === id);
  if (query.isError) return <Failed message={query.error.message} />;
  if (query.isPending) return <Placeholder />;
  if (found === undefined) return <Failed message="This recommendation is not open any more." />;
  return <Editor initial={draftOf({ name: found.name, vocabulary: found.phrases })} recommendation={id} />;
}

function Failed({ message }: { message: string }) {
  return (
    <main className={classes.page}>
      <Alert m="xl" color="red" title="This tracker cannot be shown">
        <p>{message}</p>
        <Anchor href="/trackers" onClick={follow}>
          All trackers
        </Anchor>
      </Alert>
    </main>
  );
}

function Placeholder() {
  return (
    <main className={classes.page} aria-busy>
      <div className={classes.columns}>
        <Skeleton height={420} radius="lg" />
        <Skeleton height={420} radius="lg" />
      </div>
    </main>
  );
}
