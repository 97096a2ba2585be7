// What the tests of the pages share: a browser, and daemons that play scripted calls (dev/fake.go).
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

import { LivePage, openBrowser } from './browser.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

let folder;
let binary;
let browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'operatord-ui-'));
  binary = join(folder, 'fake');
  const built = spawnSync('go', ['build', '-o', binary, 'web/ui/dev/fake.go'], { cwd: root, stdio: 'inherit' });
  assert.equal(built.status, 0);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** daemon starts a fake and returns its address; it is stopped with the test. */
export async function daemon(t, ...flags) {
  const child = spawn(binary, ['-addr', '127.0.0.1:0', ...flags], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('the fake did not start');
}

/** open opens a page in a window of its own. */
export async function open(t, url, options) {
  const live = await LivePage.open(browser, url, options);
  t.after(() => live.close());
  return live;
}
