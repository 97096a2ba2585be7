import { Button } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';

import { libraryDifference, resetToLibrary, restoreVersion } from '../api/trackers';
import type { LibraryDifference, Tracker } from '../api/types';
import classes from './Editor.module.css';
import { useToast } from './toast';
import { memberName } from './versions';

interface Props {
  tracker: Tracker;
  dirty: boolean;
  onReset: (stored: Tracker) => void;
}

/** LibraryComparison shows how far a tracker has moved from the library and takes it back there. */
export function LibraryComparison({ tracker, dirty, onReset }: Props) {
  const toast = useToast();
  const { data } = useQuery({
    queryKey: ['library-difference', tracker.id],
    queryFn: ({ signal }) => libraryDifference(tracker.id, signal),
    refetchOnMount: 'always',
  });
  const undo = useMutation({
    mutationFn: () => restoreVersion(tracker.id, tracker.version),
    onSuccess: onReset,
    onError: (error) => toast({ message: error.message }),
  });
  const reset = useMutation({
    mutationFn: () => resetToLibrary(tracker.id, tracker.version),
    onSuccess: (answer) => {
      onReset(answer.tracker);
      toast({ message: `${tracker.name} is as in the library.`, undo: () => undo.mutate() });
    },
    onError: (error) => toast({ message: error.message }),
  });
  if (!data) return null;
  return (
    <section className={classes.card} aria-label="Library">
      <div className={classes.row}>
        <p className={`${classes.compared ?? ''} ${classes.grow ?? ''}`}>
          Made from <strong>{data.library}</strong> of the library{data.identical ? ', and still the same.' : '. What is different:'}
        </p>
        {!data.identical && (
          <Button size="compact-sm" variant="default" disabled={dirty} loading={reset.isPending} onClick={() => reset.mutate()}>
            Reset to the library
          </Button>
        )}
      </div>
      {!data.identical && <Difference data={data} />}
    </section>
  );
}

function Difference({ data }: { data: LibraryDifference }) {
  return (
    <ul className={classes.difference}>
      {data.phrases_added.map((phrase) => (
        <li key={`+${phrase}`} data-kind="added">
          + {phrase}
        </li>
      ))}
      {data.phrases_removed.map((phrase) => (
        <li key={`-${phrase}`} data-kind="removed">
          − {phrase}
        </li>
      ))}
      {data.changes.length > 0 && <li>Changed: {data.changes.map((c) => memberName(c.member)).join(', ')}</li>}
    </ul>
  );
}
