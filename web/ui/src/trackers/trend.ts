import type { Listed } from '../api/types';

/** trendDays is how far back counts of matches go. */
export const trendDays = 30;

const dayMS = 24 * 60 * 60 * 1000;

/** Trend is how often a tracker matched lately. */
export interface Trend {
  total: number;
  perDay: number[]; // the last entry are the last 24 hours
}

/** trends counts the matches of every tracker, by its name, in the calls of the days before now. */
export function trends(calls: readonly Pick<Listed, 'created_at' | 'trackers'>[], now: number): Map<string, Trend> {
  const found = new Map<string, Trend>();
  for (const call of calls) {
    const day = trendDays - 1 - Math.floor((now - Date.parse(call.created_at)) / dayMS);
    if (day < 0) continue;
    for (const { tracker, count } of call.trackers) {
      const trend = found.get(tracker) ?? { total: 0, perDay: Array.from({ length: trendDays }, () => 0) };
      const slot = Math.min(day, trendDays - 1);
      trend.total += count;
      trend.perDay[slot] = (trend.perDay[slot] ?? 0) + count;
      found.set(tracker, trend);
    }
  }
  return found;
}

/** bars returns the heights of a small chart, 0 to 1: counts in groups of days, the highest one being 1. */
export function bars(perDay: readonly number[], groups: number): number[] {
  const size = Math.ceil(perDay.length / groups);
  const sums = Array.from({ length: Math.ceil(perDay.length / size) }, (_, i) => perDay.slice(i * size, (i + 1) * size).reduce((a, b) => a + b, 0));
  const highest = Math.max(...sums, 1);
  return sums.map((sum) => sum / highest);
}
