// Tests the page of trackers in a browser, on the real API over trackers in memory. Run with: npm run test:browser
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { daemon, open } from './setup.js';

const row = (live, name) => live.page.getByRole('row', { name });
const phrases = (live) => live.page.getByRole('textbox', { name: /^Phrases/ });
const found = (live) => live.page.getByRole('region', { name: 'Preview' }).getByRole('list', { name: 'Matches' }).getByRole('listitem');
const save = (live) => live.page.getByRole('button', { name: 'Save', exact: true });

async function edit(live, name) {
  await live.page.getByRole('link', { name, exact: true }).click();
  await phrases(live).waitFor();
}

async function stored(url, name) {
  const { items } = await (await fetch(`${url}/api/v1/trackers?name=${encodeURIComponent(name)}`)).json();
  return items[0];
}

describe('the page of trackers', () => {
  it('is reached from the calls by the keyboard, and lists how trackers do', async (t) => {
    const live = await open(t, await daemon(t));
    await live.ended().first().waitFor();
    await live.page.getByRole('link', { name: 'Trackers', exact: true }).focus();
    await live.page.keyboard.press('Enter');
    await row(live, /Cancellation/).getByText('92 %').waitFor();
    await live.eventually('matches', async () => Number(await row(live, /Satisfaction/).getByRole('cell').nth(2).textContent()) > 0);
    await live.page.getByRole('searchbox').fill('expensive');
    await live.eventually('one tracker', async () => (await live.page.getByRole('row').count()) === 2);
    await live.page.goBack();
    await live.ended().first().waitFor();
    assert.deepEqual(live.complaints, []);
    assert.deepEqual(live.foreign, []);
  });

  it('creates a tracker, trying it on past calls as it is typed', async (t) => {
    const url = await daemon(t);
    const live = await open(t, `${url}/trackers`);
    await live.page.getByRole('button', { name: 'New tracker' }).click();
    await live.page.getByText('Write a phrase').waitFor();
    await live.page.getByLabel('Name').fill('Policy');
    await phrases(live).fill('policy number\n');
    await found(live).first().getByText('policy number', { exact: true }).waitFor();
    await live.page.getByRole('button', { name: 'Create' }).click();
    await live.page.getByRole('heading', { level: 1, name: 'Policy' }).waitFor();
    await live.page.getByText('Version 1').waitFor();
    await live.page.getByRole('list', { name: 'Warnings' }).getByText('with 5 or more').waitFor();
    const tracker = await stored(url, 'Policy');
    assert.deepEqual([tracker.vocabulary, tracker.updated_by], [['policy number'], 'page']);
    assert.deepEqual(live.complaints, []);
  });

  it('tells what is wrong while it is typed, and that a name is taken', async (t) => {
    const live = await open(t, `${await daemon(t)}/trackers/new`);
    await live.page.getByLabel('Name').fill('Escalation');
    await phrases(live).fill('policy (number)');
    await live.page.getByText('“policy (number)” holds a parenthesis').waitFor();
    await phrases(live).fill('policy number');
    await found(live).first().waitFor();
    await live.page.getByRole('button', { name: 'Create' }).click();
    await live.page.getByText('Another tracker has this name.').waitFor();
  });

  it('edits a tracker, shows its versions and brings an older one back', async (t) => {
    const url = await daemon(t);
    const live = await open(t, `${url}/trackers`);
    await edit(live, 'Escalation');
    await found(live).first().waitFor();
    await live.page.getByRole('slider', { name: 'How closely' }).focus();
    await live.page.keyboard.press('ArrowRight');
    await live.page.getByText('Caller', { exact: true }).click();
    await live.page.getByLabel('Denied').selectOption('Match');
    await phrases(live).press('Control+End');
    await phrases(live).pressSequentially('\npolicy number');
    await found(live).filter({ hasText: 'policy number' }).first().waitFor();
    await save(live).click();
    await live.page.getByText('Version 2,').waitFor();
    const tracker = await stored(url, 'Escalation');
    assert.deepEqual([tracker.threshold, tracker.role, tracker.stance, tracker.vocabulary.length], [0.61, 'caller', { negation: 'match' }, 3]);

    await live.page.getByRole('button', { name: 'Versions' }).click();
    await live.page.getByRole('dialog').getByText('+ policy number').waitFor();
    await live.page.getByRole('button', { name: 'Restore version 1' }).click();
    await live.page.getByText('Version 3,').waitFor();
    assert.equal((await stored(url, 'Escalation')).vocabulary.length, 2);
    assert.doesNotMatch(await phrases(live).inputValue(), /policy/);
    assert.deepEqual(live.complaints, []);
  });

  it('keeps what was not saved', async (t) => {
    const live = await open(t, `${await daemon(t)}/trackers`);
    await edit(live, 'Escalation');
    await live.page.getByLabel('Description').fill('Half done');
    await live.page.getByRole('link', { name: 'Calls', exact: true }).click();
    await live.ended().first().waitFor();
    await live.page.goBack();
    await live.page.getByText('Not saved').waitFor();
    assert.equal(await live.page.getByLabel('Description').inputValue(), 'Half done');
    await live.page.getByRole('button', { name: 'Discard' }).click();
    assert.equal(await live.page.getByLabel('Description').inputValue(), 'Somebody says it.');
  });

  it('never overwrites what somebody else changed meanwhile', async (t) => {
    const url = await daemon(t);
    const live = await open(t, `${url}/trackers`);
    await edit(live, 'Escalation');
    const { id } = await stored(url, 'Escalation');
    await fetch(`${url}/api/v1/trackers/${id}`, { method: 'PATCH', body: JSON.stringify({ categories: ['theirs'] }) });
    await live.page.getByLabel('Description').fill('Mine');
    await save(live).click();
    await live.page.getByText('Somebody else changed this tracker').waitFor();
    await live.page.getByRole('button', { name: 'Keep my changes' }).click();
    await save(live).click();
    await live.page.getByText('Version 3,').waitFor();
    const tracker = await stored(url, 'Escalation');
    assert.deepEqual([tracker.description, tracker.categories], ['Mine', ['theirs']]);
  });

  it('deletes a tracker and takes it back', async (t) => {
    const url = await daemon(t);
    const live = await open(t, `${url}/trackers`);
    await edit(live, 'Escalation');
    await live.page.getByRole('button', { name: 'Delete the tracker' }).click();
    await live.page.getByText('Deleted Escalation.').waitFor();
    await row(live, /Cancellation/).waitFor();
    await row(live, /Escalation/).waitFor({ state: 'detached' });
    await live.page.getByRole('button', { name: 'Undo' }).click();
    await row(live, /Escalation/).waitFor();
    assert.equal((await stored(url, 'Escalation')).vocabulary.length, 2);
    assert.deepEqual(live.complaints, []);
  });

  it('switches a tracker off in the list', async (t) => {
    const url = await daemon(t);
    const live = await open(t, `${url}/trackers`);
    await live.page.getByRole('switch', { name: 'Escalation enabled' }).press('Space');
    await live.eventually('the tracker to be off', async () => (await stored(url, 'Escalation')).enabled === false);
    assert.equal(await live.page.getByRole('switch', { name: 'Escalation enabled' }).isChecked(), false);
  });

  it('adds from the library, tells the difference and resets to it', async (t) => {
    const url = await daemon(t);
    const live = await open(t, `${url}/trackers`);
    await live.page.getByRole('button', { name: 'Library' }).click();
    await live.page.getByRole('searchbox', { name: 'Search the library' }).fill('Voice Message');
    await live.page.getByRole('button', { name: 'Add Voice Message' }).click();
    await live.page.getByText('Added Voice Message.').waitFor();
    await live.page.getByRole('dialog').getByRole('link', { name: 'Added' }).click();
    const library = live.page.getByRole('region', { name: 'Library' });
    await library.getByText('still the same').waitFor();
    const before = await phrases(live).inputValue();
    await phrases(live).fill(`${before}\nspeak after the beep please`);
    await save(live).click();
    await library.getByText('+ speak after the beep please').waitFor();
    await library.getByRole('button', { name: 'Reset to the library' }).click();
    await library.getByText('still the same').waitFor();
    assert.equal(await phrases(live).inputValue(), before);
    assert.deepEqual(live.complaints, []);
  });

  it('makes a tracker of a recommendation after a look at it', async (t) => {
    const url = await daemon(t);
    const live = await open(t, `${url}/trackers`);
    await live.page.getByRole('link', { name: 'Recommendations 1' }).click();
    await live.page.getByText('31 sentences in 24 calls').waitFor();
    await live.page.getByRole('button', { name: 'Edit SIM card does not work' }).click();
    await live.page.getByLabel('Name').fill('Broken SIM');
    await live.page.getByRole('button', { name: 'Create' }).click();
    await live.page.getByRole('heading', { level: 1, name: 'Broken SIM' }).waitFor();
    assert.equal((await stored(url, 'Broken SIM')).vocabulary.length, 3);
    await live.page.getByRole('button', { name: 'All trackers' }).click();
    await live.page.getByRole('link', { name: 'Recommendations', exact: true }).waitFor();
  });

  it('dismisses a recommendation for good', async (t) => {
    const live = await open(t, `${await daemon(t)}/trackers/recommendations`);
    await live.page.getByRole('button', { name: 'Dismiss SIM card does not work' }).click();
    await live.page.getByRole('button', { name: 'Dismiss for good' }).click();
    await live.page.getByRole('heading', { name: 'No search yet' }).waitFor();
  });

  it('fits a phone', async (t) => {
    const live = await open(t, `${await daemon(t)}/trackers`, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    const wide = () => live.page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    await row(live, /Escalation/).waitFor();
    assert.equal(await wide(), false);
    await edit(live, 'Escalation');
    await found(live).first().waitFor();
    assert.equal(await wide(), false);
  });
});
