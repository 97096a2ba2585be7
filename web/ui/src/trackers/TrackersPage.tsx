import { Button, CloseButton } from '@mantine/core';
import { useCallback, useEffect, useMemo, useState } from 'react';

import { usePath } from '../hooks';
import { EditorPage } from './EditorPage';
import { Recommendations } from './Recommendations';
import { ToastContext, type Toast } from './toast';
import { TrackerList } from './TrackerList';
import classes from './TrackersPage.module.css';

/** How long a notice stays: long enough to read it and to reach its button by keyboard. */
const toastMS = 12_000;

/** TrackersPage is everything below /trackers. What was done is told at its foot, with a way to undo it. */
export function TrackersPage() {
  const path = usePath();
  const [toast, setToast] = useState<Toast & { key: number }>();
  const show = useCallback((next: Toast) => setToast({ ...next, key: Date.now() }), []);
  const context = useMemo(() => ({ show }), [show]);
  useEffect(() => {
    if (toast === undefined) return;
    const timer = window.setTimeout(() => setToast(undefined), toastMS);
    return () => window.clearTimeout(timer);
  }, [toast]);

  return (
    <ToastContext value={context}>
      <Route path={path} />
      <div className={classes.toasts} role="status">
        {toast !== undefined && (
          <div className={classes.toast} key={toast.key}>
            <span>{toast.message}</span>
            {toast.undo && (
              <Button
                size="compact-sm"
                variant="light"
                onClick={() => {
                  setToast(undefined);
                  toast.undo?.();
                }}
              >
                Undo
              </Button>
            )}
            <CloseButton size="sm" aria-label="Close the notice" onClick={() => setToast(undefined)} />
          </div>
        )}
      </div>
    </ToastContext>
  );
}

function Route({ path }: { path: string }) {
  if (path === '/trackers/recommendations') return <Recommendations />;
  const id = /^\/trackers\/(new|\d{16})$/.exec(path)?.[1];
  if (id !== undefined) return <EditorPage key={id} id={id === 'new' ? undefined : id} />;
  return <TrackerList />;
}
