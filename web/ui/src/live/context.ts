import { createContext, useContext } from 'react';

import { initialState, type Action, type State } from './reducer';
import type { Connection } from './stream';

export interface Live {
  state: State;
  dispatch: (action: Action) => void;
  connection: Connection;
}

export const LiveContext = createContext<Live>({ state: initialState, dispatch: () => undefined, connection: 'connecting' });

/** useLive returns what the events have told so far. */
export const useLive = (): Live => useContext(LiveContext);
