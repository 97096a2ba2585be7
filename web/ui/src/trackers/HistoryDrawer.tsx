import { Alert, Button, Drawer, Skeleton } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';

import { listVersions, restoreVersion } from '../api/trackers';
import type { Tracker, TrackerVersion } from '../api/types';
import { whenWas } from '../text/format';
import classes from './Editor.module.css';
import drawer from './LibraryDrawer.module.css';
import { useToast } from './toast';
import { memberName, phraseChanges, savedBy } from './versions';

interface Props {
  tracker: Tracker;
  opened: boolean;
  onClose: () => void;
  onRestore: (stored: Tracker) => void;
}

/** HistoryDrawer shows every version of a tracker and brings an older one back, as a new version. */
export function HistoryDrawer({ tracker, opened, onClose, onRestore }: Props) {
  return (
    <Drawer opened={opened} onClose={onClose} position="right" size="md" title={<span className={drawer.title}>Versions</span>} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Versions tracker={tracker} onClose={onClose} onRestore={onRestore} />
    </Drawer>
  );
}

function Versions({ tracker, onClose, onRestore }: Omit<Props, 'opened'>) {
  const toast = useToast();
  const query = useQuery({ queryKey: ['versions', tracker.id], queryFn: ({ signal }) => listVersions(tracker.id, signal), refetchOnMount: 'always' });
  const restore = useMutation({
    mutationFn: (version: number) => restoreVersion(tracker.id, version),
    onSuccess: (stored, version) => {
      onRestore(stored);
      onClose();
      toast({ message: `Version ${version} is the newest one again.` });
    },
    onError: (error) => toast({ message: error.message }),
  });
  const versions = query.data ?? [];
  return (
    <>
      {query.isPending && <Skeleton height={240} radius="md" />}
      {query.isError && <Alert color="red">{query.error.message}</Alert>}
      {restore.isError && <Alert color="red">{restore.error.message}</Alert>}
      <ul className={classes.versions}>
        {versions.map((v, i) => (
          <li key={v.version}>
            <div className={classes.version}>
              <h3>Version {v.version}</h3>
              {i === 0 ? (
                <span className={classes.now}>in use</span>
              ) : (
                <Button
                  size="compact-sm"
                  variant="default"
                  loading={restore.isPending && restore.variables === v.version}
                  onClick={() => restore.mutate(v.version)}
                  aria-label={`Restore version ${v.version}`}
                >
                  Restore
                </Button>
              )}
            </div>
            <p>
              {whenWas(v.updated_at, new Date().toDateString())} {savedBy(v)}
            </p>
            <Changes version={v} before={versions[i + 1]} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Changes({ version, before }: { version: TrackerVersion; before: TrackerVersion | undefined }) {
  if (before === undefined) return <p className={classes.compared}>The first one, with {version.vocabulary.length} phrases.</p>;
  const others = version.changed.filter((member) => member !== 'vocabulary');
  return (
    <ul className={classes.difference}>
      {others.length > 0 && <li>Changed: {others.map(memberName).join(', ')}</li>}
      {phraseChanges(before.vocabulary, version.vocabulary).map(({ kind, phrase }) => (
        <li key={`${kind} ${phrase}`} data-kind={kind}>
          {kind === 'added' ? '+' : '−'} {phrase}
        </li>
      ))}
      {version.changed.length === 0 && <li>Nothing was changed.</li>}
    </ul>
  );
}
