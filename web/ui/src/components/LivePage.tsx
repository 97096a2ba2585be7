import { useMediaQuery } from '@mantine/hooks';

import { isRunning } from '../api/types';
import type { BrowserCallControl } from '../call/useBrowserCall';
import { useSelection } from '../hooks';
import { useLive } from '../live/context';
import { newestFirst, type State } from '../live/reducer';
import { CallList } from './CallList';
import { ConversationView } from './ConversationView';
import { FirstCall } from './FirstCall';
import classes from './LivePage.module.css';

/** LivePage shows the calls on the left, the selected one on the right. A phone shows one of the two. */
export function LivePage({ call }: { call: BrowserCallControl }) {
  const { state } = useLive();
  const [chosen, select] = useSelection();
  const narrow = useMediaQuery('(max-width: 52em)', undefined, { getInitialValueInEffect: false });

  const selected = chosen ?? (narrow ? undefined : follow(state));
  const empty = state.listed && Object.keys(state.calls).length === 0;
  const showList = !narrow || (selected === undefined && !empty);

  return (
    <>
      {showList && <CallList selected={selected} onSelect={select} />}
      {(!narrow || !showList) && (
        <main className={classes.main}>
          {selected !== undefined && <ConversationView key={selected} id={selected} onBack={() => select(undefined)} />}
          {selected === undefined && empty && <FirstCall call={call} />}
        </main>
      )}
    </>
  );
}

/** follow chooses what to show while nothing was chosen: the newest running call, or the newest of all. */
function follow(state: State): string | undefined {
  const calls = newestFirst(state);
  return (calls.find((c) => isRunning(c.conversation)) ?? calls[0])?.conversation.id;
}
