import { useMediaQuery } from '@mantine/hooks';
import { useEffect, useRef } from 'react';

import { isRunning } from '../api/types';
import { useBrowserCall } from '../call/useBrowserCall';
import { useSelection } from '../hooks';
import { useLive } from '../live/context';
import { newestFirst, type State } from '../live/reducer';
import { BrowserCallBar } from './BrowserCallBar';
import { CallList } from './CallList';
import { ConversationView } from './ConversationView';
import { FirstCall } from './FirstCall';
import { Header } from './Header';
import classes from './LivePage.module.css';

/** LivePage is the whole page: calls on the left, the selected one on the right. A phone shows one of the two. */
export function LivePage() {
  const { state } = useLive();
  const [chosen, select] = useSelection();
  const narrow = useMediaQuery('(max-width: 52em)', undefined, { getInitialValueInEffect: false });
  const browserCall = useBrowserCall();
  const own = useOwnCall(state, browserCall.name);

  // The page goes to the call placed from it as soon as it appears, and hangs up when the operator has.
  const shown = useRef<string>(undefined);
  useEffect(() => {
    if (own === undefined || shown.current === own.id) return;
    shown.current = own.id;
    select(own.id);
  }, [own, select]);
  const ended = own !== undefined && !isRunning(own);
  const { hangUp, phase } = browserCall;
  useEffect(() => {
    if (ended && phase === 'talking') hangUp();
  }, [ended, phase, hangUp]);

  const selected = chosen ?? (narrow ? undefined : follow(state));
  const empty = state.listed && Object.keys(state.calls).length === 0;
  const showList = !narrow || (selected === undefined && !empty);

  return (
    <div className={classes.page}>
      <Header call={browserCall} onHome={() => select(undefined)} />
      <div className={classes.body}>
        {showList && <CallList selected={selected} onSelect={select} />}
        {(!narrow || !showList) && (
          <main className={classes.main}>
            {selected !== undefined && <ConversationView key={selected} id={selected} onBack={() => select(undefined)} />}
            {selected === undefined && empty && <FirstCall call={browserCall} />}
          </main>
        )}
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

/** follow chooses what to show while nothing was chosen: the newest running call, or the newest of all. */
function follow(state: State): string | undefined {
  const calls = newestFirst(state);
  return (calls.find((c) => isRunning(c.conversation)) ?? calls[0])?.conversation.id;
}
