import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import { Problem } from '../api/client';
import { acceptRecommendation, createTracker, deleteTracker, getTracker, patchTracker, restoreVersion } from '../api/trackers';
import type { Tracker } from '../api/types';
import { navigate } from '../hooks';
import { changes, contentOf, draftOf, rebase, type Draft } from './draft';
import { useToast } from './toast';

/** Work is an edit in progress: the draft, and the stored version it was made from. */
interface Work {
  draft: Draft;
  base: Draft;
  version: number;
}

// Edits that were left without saving, by tracker. They are there again when one comes back.
const unsaved = new Map<string, Work>();

const isDirty = (work: Work) => JSON.stringify(work.draft) !== JSON.stringify(work.base);

/** EditorSource is what an editor begins with. */
export interface EditorSource {
  tracker?: Tracker;
  initial: Draft;
  recommendation?: string;
}

/** useEditor holds an edit and saves it. Somebody else's change in between is a conflict, never overwritten unseen. */
export function useEditor({ tracker, initial, recommendation }: EditorSource) {
  const queries = useQueryClient();
  const toast = useToast();
  const key = tracker?.id ?? `new ${recommendation ?? ''}`;
  const [work, setWork] = useState<Work>(() => unsaved.get(key) ?? { draft: initial, base: initial, version: tracker?.version ?? 0 });
  const [theirs, setTheirs] = useState<Tracker>();

  const keep = (next: Work) => {
    if (isDirty(next)) unsaved.set(key, next);
    else unsaved.delete(key);
    setWork(next);
  };
  const refresh = (id: string) => {
    for (const queryKey of [['trackers'], ['versions', id], ['library'], ['library-difference', id], ['recommendations']]) {
      void queries.invalidateQueries({ queryKey });
    }
  };
  /** adopt shows a stored version in the place of the edit. */
  const adopt = (stored: Tracker) => {
    queries.setQueryData(['tracker', stored.id], stored);
    refresh(stored.id);
    setTheirs(undefined);
    const draft = draftOf(stored);
    keep({ draft, base: draft, version: stored.version });
  };
  const conflict = (error: Error) => {
    if (tracker && error instanceof Problem && error.status === 412) void getTracker(tracker.id).then(setTheirs, () => undefined);
  };

  const save = useMutation({
    mutationFn: () => {
      if (tracker) return patchTracker(tracker.id, work.version, changes(work.draft, work.base));
      if (recommendation !== undefined) return acceptRecommendation(recommendation, contentOf(work.draft));
      return createTracker(contentOf(work.draft));
    },
    onSuccess: (saved) => {
      adopt(saved);
      toast({ message: tracker ? `Saved ${saved.name}, version ${saved.version}.` : `Created ${saved.name}.` });
      if (!tracker) {
        unsaved.delete(key);
        navigate(`/trackers/${saved.id}`, true);
      }
    },
    onError: conflict,
  });
  const restore = useMutation({
    mutationFn: ({ id, version }: { id: string; version: number }) => restoreVersion(id, version),
    onSuccess: (stored) => {
      refresh(stored.id);
      toast({ message: `${stored.name} is back.` });
    },
    onError: (error) => toast({ message: error.message }),
  });
  const remove = useMutation({
    mutationFn: (stored: Tracker) => deleteTracker(stored.id, work.version),
    onSuccess: (_, stored) => {
      unsaved.delete(key);
      refresh(stored.id);
      toast({ message: `Deleted ${stored.name}.`, undo: () => restore.mutate({ id: stored.id, version: work.version }) });
      navigate('/trackers');
    },
    onError: conflict,
  });

  const dirty = isDirty(work);
  useEffect(() => {
    if (!dirty) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [dirty]);

  return {
    draft: work.draft, version: work.version, dirty, theirs, save, remove, adopt,
    edit: (fields: Partial<Draft>) => keep({ ...work, draft: { ...work.draft, ...fields } }),
    discard: () => keep({ ...work, draft: work.base }),
    /** keepMine puts what was changed here on top of their version. */
    keepMine: () => {
      if (theirs === undefined) return;
      const base = draftOf(theirs);
      setTheirs(undefined);
      save.reset();
      keep({ draft: rebase(work.draft, work.base, base), base, version: theirs.version });
    },
  };
}

export type EditorControl = ReturnType<typeof useEditor>;
