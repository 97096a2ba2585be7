// Tests the page in a browser, on a daemon that plays scripted calls (dev/fake.go). Run with: npm run test:browser
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { daemon, open } from './setup.js';

const play = (url, call) => fetch(`${url}/fake/play?call=${call}`, { method: 'POST' });

const spoken = [
  'Thank you for calling Horizon mobile. My name is Emma. How can I help you?',
  'I want to cancel my contract today. I am furious with your company.',
  'I am sorry to hear that. May I ask why you want to cancel?',
  'Your service is terrible and the price went up again. It is too expensive.',
];

describe('the live page', () => {
  it('says how to place a first call', async (t) => {
    const live = await open(t, await daemon(t, '-history=false'));
    await live.page.getByRole('heading', { name: 'Waiting for the first call' }).waitFor();
    await live.page.getByText('sip:demo@127.0.0.1:5060').waitFor();
    await live.page.getByText('Ready').waitFor();
    assert.deepEqual(live.complaints, []);
  });

  it('shows a call from its first ring to its summary', async (t) => {
    const url = await daemon(t, '-history=false', '-speed', '12');
    const live = await open(t, url);
    await live.page.getByText('Ready').waitFor();
    await play(url, 'angry-cancellation');
    await live.running().first().waitFor();
    await live.turns().and(live.page.locator('[data-final=false]')).first().waitFor(); // words while they are spoken
    await live.page.locator('mark', { hasText: 'cancel my contract' }).waitFor();
    await live.page.getByRole('region', { name: 'Summary' }).waitFor();
    assert.equal(await live.status(), 'completed');
    const transcript = await live.transcript();
    assert.deepEqual(transcript.slice(0, 4).map((turn) => turn.text), spoken);
    assert.deepEqual(transcript.slice(0, 2).map((turn) => turn.role), ['agent', 'caller']);
    const trackers = new Set((await live.matches()).map((match) => match.tracker));
    for (const tracker of ['Cancellation', 'Pricing objection', 'Refund request', 'Competitor mention']) assert.ok(trackers.has(tracker), tracker);
    assert.deepEqual(live.complaints, []);
    assert.deepEqual(live.foreign, []);
  });

  it('misses nothing when the connection breaks', async (t) => {
    const url = await daemon(t, '-history=false', '-speed', '8');
    const live = await open(t, url);
    await live.page.getByText('Ready').waitFor();
    await play(url, 'angry-cancellation');
    await live.turns().first().waitFor();
    for (let i = 0; i < 4; i++) {
      await fetch(`${url}/fake/disconnect`, { method: 'POST' }).catch(() => undefined); // it breaks this connection, too
      await live.page.waitForTimeout(600);
    }
    await live.page.getByRole('region', { name: 'Summary' }).waitFor();
    assert.deepEqual((await live.transcript()).slice(0, 4).map((turn) => turn.text), spoken);
  });

  it('shows a running call whole to who comes late', async (t) => {
    const url = await daemon(t, '-history=false', '-speed', '6');
    await play(url, 'angry-cancellation');
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const live = await open(t, url);
    await live.eventually('the first words', async () => (await live.transcript())[0]?.text === spoken[0]);
    await live.page.getByRole('region', { name: 'Summary' }).waitFor();
    assert.deepEqual((await live.transcript()).slice(0, 4).map((turn) => turn.text), spoken);
  });

  it('plays the recording from the words that are clicked', async (t) => {
    const live = await open(t, await daemon(t));
    await live.ended().filter({ hasText: '0199' }).getByRole('link').click();
    const player = live.page.getByRole('group', { name: 'Recording' });
    await player.getByText('0:45').waitFor();
    await live.turns().nth(4).click();
    await player.getByRole('button', { name: 'Pause' }).waitFor();
    await live.turns().nth(4).and(live.page.locator('[data-heard=true]')).waitFor();
    assert.deepEqual(live.complaints, []);
  });

  it('finds calls by what was said', async (t) => {
    const live = await open(t, await daemon(t));
    await live.ended().first().waitFor();
    await live.page.getByRole('searchbox').fill('policy number');
    await live.eventually('one call', async () => (await live.ended().count()) === 1);
    await live.page.getByRole('searchbox').fill('nobody says this');
    await live.page.getByText('Nobody said that.').waitFor();
  });

  it('explains a match to the mouse and to the keyboard', async (t) => {
    const live = await open(t, await daemon(t));
    await live.ended().filter({ hasText: '0199' }).getByRole('link').click();
    const mark = live.page.locator('mark').first();
    await live.turns().filter({ has: mark }).first().getByRole('button').focus();
    await live.page.keyboard.press('Tab');
    await live.page.getByRole('tooltip').getByText('by meaning, 72 %').waitFor();
    await live.page.keyboard.press('Tab');
    await live.page.getByRole('tooltip').waitFor({ state: 'detached' });
    await mark.hover();
    await live.page.getByRole('tooltip').getByText('Satisfaction').waitFor();
  });

  it('can be used by the keyboard alone', async (t) => {
    const live = await open(t, await daemon(t));
    const call = live.ended().filter({ hasText: '0171' }).getByRole('link');
    await call.focus();
    await live.page.keyboard.press('Enter');
    await live.page.getByRole('heading', { level: 1, name: '+1 503 555 0171' }).waitFor();
    assert.match(live.page.url(), /\/conversations\/\d{16}$/);
    await live.page.goBack();
    await live.page.getByRole('heading', { level: 1, name: '+1 415 555 0199' }).waitFor();
  });

  it('places a call from the browser and ends it', async (t) => {
    const live = await open(t, await daemon(t, '-speed', '4'));
    await live.callFromBrowser();
    await live.turns().first().waitFor();
    await live.page.getByRole('button', { name: 'Mute', exact: true }).click();
    await live.page.getByRole('button', { name: 'Unmute' }).waitFor();
    await live.endCall();
    await live.eventually('the end of the call', async () => (await live.status()) === 'completed');
    assert.equal(await live.page.getByRole('region', { name: 'Call from this browser' }).count(), 0);
    assert.deepEqual(live.complaints, []);
  });

  it('hangs up a running call', async (t) => {
    const url = await daemon(t, '-history=false');
    const live = await open(t, url);
    await play(url, 'balance-enquiry');
    await live.page.getByRole('button', { name: 'Hang up' }).click();
    await live.eventually('the end of the call', async () => (await live.status()) === 'completed');
  });

  it('asks for the access token and keeps it for the session', async (t) => {
    const live = await open(t, await daemon(t, '-token', 's3cret'));
    const field = live.page.getByLabel('Access token', { exact: true });
    await field.fill('wrong');
    await live.page.getByRole('button', { name: 'Continue' }).click();
    await live.page.getByText('did not accept').waitFor();
    await field.fill('s3cret');
    await live.page.getByRole('button', { name: 'Continue' }).click();
    await live.page.getByText('Ready').waitFor();
    await live.page.getByRole('group', { name: 'Recording' }).getByText('0:45').waitFor();
    await live.page.reload();
    await live.page.getByText('Ready').waitFor();
  });

  it('says what is wrong with the daemon', async (t) => {
    const live = await open(t, await daemon(t, '-state', 'degraded'));
    await live.page.getByRole('button', { name: 'State: Degraded' }).click();
    await live.page.getByText('the speech model is missing').waitFor();
  });

  it('says how to place a first call on a phone, too', async (t) => {
    const live = await open(t, await daemon(t, '-history=false'), { viewport: { width: 390, height: 844 } });
    await live.page.getByRole('heading', { name: 'Waiting for the first call' }).waitFor();
  });

  it('fits a phone: the calls, one call, and back', async (t) => {
    const live = await open(t, await daemon(t), { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    await live.ended().filter({ hasText: '0199' }).getByRole('link').click();
    await live.turns().first().waitFor();
    assert.equal(await live.ended().count(), 0);
    await live.page.getByText('Matches 4').click();
    await live.page.getByLabel('Matches').getByRole('listitem').first().waitFor();
    const wide = await live.page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(wide, false);
    await live.page.getByRole('button', { name: 'Back to the calls' }).click();
    await live.ended().first().waitFor();
  });
});
