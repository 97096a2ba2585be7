import { describe, expect, it } from 'vitest';

import { clock, plainAddress } from './format';

describe('clock', () => {
  it.each([[0, '0:00'], [7_900, '0:07'], [754_000, '12:34'], [3_723_000, '1:02:03'], [-5, '0:00']])('writes %d ms as %s', (ms, want) => {
    expect(clock(ms)).toBe(want);
  });
});

describe('plainAddress', () => {
  it.each([
    ['sip:+14155550142@10.0.0.1:5060;transport=udp', '+14155550142'],
    ['<sip:alice@example.com>', 'alice@example.com'],
    ['tel:+1-415-555-0142', '+1-415-555-0142'],
    ['sip:192.0.2.1:5060', '192.0.2.1:5060'],
    ['browser-4f2a', 'browser-4f2a'],
    ['', 'Unknown'],
  ])('shows %s as %s', (address, want) => {
    expect(plainAddress(address)).toBe(want);
  });
});
