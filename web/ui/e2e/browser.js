// Drives the live page in the system's Chromium. Nothing is downloaded: playwright-core brings no browser.
import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';

const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** openBrowser starts Chromium. Its microphone hears the WAV file microphone over and over, or a beeping tone. */
export function openBrowser({ microphone } = {}) {
  const executablePath = candidates.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error('no Chromium found; set CHROMIUM to its path');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required',
      ...(microphone === undefined ? [] : [`--use-file-for-fake-audio-capture=${microphone}%noloop`]),
    ],
  });
}

/** LivePage is the page as a user sees it. It notes everything the page complains about and every address outside of the daemon. */
export class LivePage {
  complaints = [];
  foreign = [];

  /** open opens the live page of the daemon at url in a window of its own. */
  static async open(browser, url, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ['microphone'], ...options });
    const live = new LivePage(await context.newPage(), new URL(url).host);
    await live.page.goto(url);
    return live;
  }

  constructor(page, host) {
    this.page = page;
    page.setDefaultTimeout(15_000);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(`${message.text()} ${message.location().url}`.trim());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('request', (request) => {
      const address = new URL(request.url());
      if (!['data:', 'blob:'].includes(address.protocol) && address.host !== host) this.foreign.push(request.url());
    });
  }

  running() {
    return this.page.getByRole('region', { name: 'Calls now' }).getByRole('listitem');
  }

  ended() {
    return this.page.getByRole('region', { name: 'Ended calls' }).getByRole('listitem');
  }

  turns() {
    return this.page.getByRole('region', { name: 'Transcript' }).getByRole('listitem');
  }

  /** transcript returns the finals on the page: who said what. */
  transcript() {
    return this.turns().evaluateAll((rows) =>
      rows.filter((row) => row.dataset.final === 'true').map((row) => ({ role: row.dataset.role, text: row.querySelector('p')?.textContent ?? '' })),
    );
  }

  /** matches returns the trackers and the words in the list of matches. */
  matches() {
    return this.page.getByLabel('Matches').getByRole('listitem').evaluateAll((rows) =>
      rows.map((row) => ({
        tracker: row.querySelector('strong')?.textContent ?? '', words: row.querySelector('p')?.textContent ?? '',
        provisional: row.dataset.provisional === 'true',
      })),
    );
  }

  status() {
    return this.page.locator('main [data-status]').getAttribute('data-status');
  }

  /** callFromBrowser places a call and returns when the page shows its conversation. */
  async callFromBrowser() {
    await this.page.getByRole('button', { name: 'Call from this browser' }).click();
    await this.page.getByRole('region', { name: 'Call from this browser' }).getByText('You are on a call').waitFor();
    await this.page.getByRole('heading', { level: 1, name: /^browser-/ }).waitFor();
  }

  endCall() {
    return this.page.getByRole('button', { name: 'End the call' }).click();
  }

  /** eventually waits until check returns true. */
  async eventually(what, check, timeoutMs = 15_000) {
    const deadline = Date.now() + timeoutMs;
    while (!(await check())) {
      if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
      await this.page.waitForTimeout(50);
    }
  }

  close() {
    return this.page.context().close();
  }
}
