import { ActionIcon, Button, CopyButton, Skeleton, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy, IconPhoneCall } from '@tabler/icons-react';

import type { BrowserCallControl } from '../call/useBrowserCall';
import classes from './FirstCall.module.css';
import { useSystem } from './Header';

/** FirstCall says how to place a call, while there is none to show. */
export function FirstCall({ call }: { call: BrowserCallControl }) {
  const { data: system } = useSystem();
  const address = system?.addresses.sip_udp ?? system?.addresses.sip_tcp;
  return (
    <section className={classes.page} aria-labelledby="first-call">
      <div className={classes.wave} aria-hidden>
        {[14, 26, 44, 30, 54, 38, 20, 34, 16].map((height, i) => (
          <i key={i} style={{ height, animationDelay: `${i * 90}ms` }} />
        ))}
      </div>
      <h1 id="first-call">Waiting for the first call</h1>
      <p>Every call shows up here as it rings. You see each word while it is spoken, and what was found in it.</p>
      <div className={classes.ways}>
        <div className={classes.way}>
          <h2>From a SIP phone</h2>
          <p>Point any softphone or trunk at this address:</p>
          {system ? <Address value={address === undefined ? undefined : `sip:demo@${reachable(address)}`} /> : <Skeleton height={36} />}
        </div>
        <div className={classes.way}>
          <h2>From this browser</h2>
          <p>Talk to the operator with your microphone:</p>
          <Button leftSection={<IconPhoneCall size={17} />} onClick={call.place} loading={call.phase === 'connecting'} disabled={call.phase === 'talking'}>
            Call the operator
          </Button>
        </div>
      </div>
    </section>
  );
}

/** reachable puts the host of this page in place of an address that means every interface. */
const reachable = (address: string): string => address.replace(/^(0\.0\.0\.0|\[::\])?(?=:\d+$)/, window.location.hostname);

function Address({ value }: { value: string | undefined }) {
  if (value === undefined) return <p>SIP is switched off in the configuration.</p>;
  return (
    <div className={classes.address}>
      <code>{value}</code>
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : 'Copy'}>
            <ActionIcon variant="subtle" color={copied ? 'teal' : 'gray'} onClick={copy} aria-label="Copy the address">
              {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </div>
  );
}
