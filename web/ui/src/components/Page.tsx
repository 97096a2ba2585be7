import { useEffect, useRef } from 'react';

import { isRunning } from '../api/types';
import { useBrowserCall } from '../call/useBrowserCall';
import { addressOf, navigate, usePath } from '../hooks';
import { useLive } from '../live/context';
import type { State } from '../live/reducer';
import { TrackersPage } from '../trackers/TrackersPage';
import { BrowserCallBar } from './BrowserCallBar';
import { Header } from './Header';
import { LivePage } from './LivePage';
import classes from './Page.module.css';

/** Page is what is around the pages: the header, and the call from this browser, which goes on wherever one goes. */
export function Page() {
  const { state } = useLive();
  const path = usePath();
  const browserCall = useBrowserCall();
  const own = useOwnCall(state, browserCall.name);

  // The page goes to the call placed from it as soon as it appears, and hangs up when the operator has.
  const shown = useRef<string>(undefined);
  useEffect(() => {
    if (own === undefined || shown.current === own.id) return;
    shown.current = own.id;
    navigate(addressOf(own.id));
  }, [own]);
  const ended = own !== undefined && !isRunning(own);
  const { hangUp, phase } = browserCall;
  useEffect(() => {
    if (ended && phase === 'talking') hangUp();
  }, [ended, phase, hangUp]);

  const trackers = /^\/trackers(\/|$)/.test(path);
  return (
    <div className={classes.page}>
      <Header call={browserCall} section={trackers ? 'trackers' : 'calls'} />
      <div className={classes.body}>
        {trackers ? <TrackersPage /> : <LivePage call={browserCall} />}
      </div>
      <BrowserCallBar call={browserCall} />
    </div>
  );
}

/** useOwnCall returns the conversation of the call placed from this page. */
function useOwnCall(state: State, name: string | undefined) {
  if (name === undefined) return undefined;
  return Object.values(state.calls).find((c) => c.conversation.channel === 'webrtc' && c.conversation.from.includes(name))?.conversation;
}
