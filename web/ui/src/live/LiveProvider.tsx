import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';

import { LiveContext } from './context';
import { Store } from './store';
import { EventStream, type Connection } from './stream';

/** LiveProvider follows the daemon's events for as long as it is mounted. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const [store] = useState(() => new Store());
  const [connection, setConnection] = useState<Connection>('connecting');
  const queries = useQueryClient();

  useEffect(() => {
    const stream = new EventStream({
      position: () => store.getState().position,
      onEvents: (events) => store.dispatch({ kind: 'events', events }),
      onConnection: setConnection,
      onFresh: () => {
        store.dispatch({ kind: 'restart' });
        void queries.invalidateQueries();
      },
    });
    stream.start();
    return () => stream.stop();
  }, [store, queries]);

  const state = useSyncExternalStore(store.subscribe, store.getState);
  return <LiveContext value={{ state, dispatch: store.dispatch, connection }}>{children}</LiveContext>;
}
