// Calls a running daemon from its live page in a headless Chromium and prints, as JSON, what the page showed:
//
//	node web/ui/e2e/browser-call.js --url http://127.0.0.1:8080 --microphone caller.wav --seconds 20 [--token T] [--screenshot FILE]
//
// It exits with 1 if the call failed, the page complained, or the page asked another host for anything.
import { parseArgs } from 'node:util';

import { LivePage, openBrowser } from './browser.js';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    microphone: { type: 'string' },
    seconds: { type: 'string', default: '15' },
    token: { type: 'string' },
    screenshot: { type: 'string' },
  },
});

const browser = await openBrowser({ microphone: values.microphone });
try {
  const result = await call(await LivePage.open(browser, values.url));
  console.log(JSON.stringify(result, null, 2));
  process.exitCode = result.complaints.length + result.foreign.length > 0 ? 1 : 0;
} finally {
  await browser.close();
}

async function call(live) {
  if (values.token !== undefined) {
    await live.page.getByLabel('Access token', { exact: true }).fill(values.token);
    await live.page.getByRole('button', { name: 'Continue' }).click();
    live.complaints.length = 0; // the refusal before it
  }
  await live.callFromBrowser();
  const conversation = live.page.url().split('/').at(-1);
  await live.page.waitForTimeout(Number(values.seconds) * 1000);
  const during = { status: await live.status(), turns: await live.turns().count() };
  if (values.screenshot !== undefined) await live.page.screenshot({ path: values.screenshot });
  await live.endCall();
  await live.eventually('the end of the call', async () => !['queued', 'in-progress'].includes(await live.status()), 30_000);
  await live.page.getByRole('region', { name: 'Summary' }).waitFor({ timeout: 60_000 });
  return {
    conversation, during, status: await live.status(), transcript: await live.transcript(), matches: await live.matches(),
    complaints: live.complaints, foreign: live.foreign,
  };
}
