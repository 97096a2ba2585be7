import { describe, expect, it } from 'vitest';

import { bars, trendDays, trends } from './trend';

const hour = 60 * 60 * 1000;
const now = Date.parse('2026-06-30T12:00:00Z');
const call = (hoursAgo: number, count: number) => ({ created_at: new Date(now - hoursAgo * hour).toISOString(), trackers: [{ tracker: 'Refund', count }] });

describe('trends', () => {
  it('count matches by day', () => {
    const trend = trends([call(1, 2), call(30, 3), call(24 * trendDays - 1, 1), call(24 * trendDays + 1, 9)], now).get('Refund');
    expect(trend?.total).toBe(6);
    expect([trend?.perDay.at(-1), trend?.perDay.at(-2), trend?.perDay[0]]).toEqual([2, 3, 1]);
  });

  it('put a call of a clock that is ahead into today', () => {
    expect(trends([call(-2, 1)], now).get('Refund')?.perDay.at(-1)).toBe(1);
  });
});

it('bars are in groups, the highest being 1', () => {
  expect(bars([0, 1, 2, 2], 2)).toEqual([0.25, 1]);
  expect(bars([0, 0], 2)).toEqual([0, 0]);
});
