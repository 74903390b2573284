import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Delays,
  equalDelays,
  type LatencyReport,
  type LatencySetting,
  measureLatency,
  tenRegions,
  threeRegions,
} from './latency.ts';

const DELAY_MS = 50;
const EQUAL = equalDelays(DELAY_MS);
const LEAST_FINALS = 200;

async function measured(setting: Omit<LatencySetting, 'seed' | 'seconds'>): Promise<LatencyReport> {
  const report = await measureLatency({ ...setting, seed: 1, seconds: 10 });
  assert.ok(report.finals > LEAST_FINALS, `only ${report.finals} finals: nothing was measured`);
  return report;
}

/** The slowest path between the first `live` members. */
function largestDelay(delays: Delays, live: number): number {
  const members = Array.from({ length: live }, (_, i) => i);
  return Math.max(...members.flatMap((from) => members.map((to) => (from === to ? 0 : delays(from, to)))));
}

/** The medians of single seconds stay near the median of all. */
function assertSteady({ bySecondMs, submissionMs }: LatencyReport): void {
  for (const [second, median] of bySecondMs.entries())
    assert.ok(median < 1.5 * submissionMs, `${median} ms in second ${second}, ${submissionMs} ms over all`);
}

test('equal delays, leaders everybody: a block commits within 3.5 delays, a submission within 3.8', async () => {
  const { blockMs, submissionMs } = await measured({ members: 4, delays: EQUAL });
  assert.ok(blockMs <= 3.5 * DELAY_MS, `${blockMs} ms`);
  assert.ok(submissionMs <= 3.8 * DELAY_MS, `${submissionMs} ms`);
});

test('equal delays, two leaders: a submission within 4.3 delays', async () => {
  const { submissionMs } = await measured({ members: 4, delays: EQUAL, leadersPerRound: 2 });
  assert.ok(submissionMs <= 4.3 * DELAY_MS, `${submissionMs} ms`);
});

test('equal delays, one of four crashed: at most twice that, without oscillation', async () => {
  const report = await measured({ members: 4, delays: EQUAL, crashed: [3] });
  assert.ok(report.blockMs <= 7 * DELAY_MS, `${report.blockMs} ms`);
  assert.ok(report.submissionMs <= 7.6 * DELAY_MS, `${report.submissionMs} ms`);
  assertSteady(report);
});

for (const { name, members, delays, crashed } of [
  { name: 'three regions', members: 4, delays: threeRegions, crashed: [3] },
  { name: 'ten regions', members: 10, delays: tenRegions, crashed: [7, 8, 9] },
]) {
  test(`${name}: a submission takes at most 4.7 rounds, a round 1.25 of the largest delay, f crashed or not`, async () => {
    for (const down of [[], crashed]) {
      const report = await measured({ members, delays, crashed: down });
      const largestMs = largestDelay(delays, members - down.length);
      assert.ok(report.submissionMs <= 4.7 * report.meanRoundMs, JSON.stringify(report));
      assert.ok(report.meanRoundMs <= 1.25 * largestMs, `${report.meanRoundMs} ms a round, ${largestMs} ms the way`);
      assertSteady(report);
    }
  });

  test(`${name}: with 1 % loss on every path commits are as many within 10 %, latency at most 1.5 times`, async () => {
    const sound = await measured({ members, delays });
    const lossy = await measured({ members, delays, loss: 0.01 });
    assert.ok(lossy.commitsPerSecond >= 0.9 * sound.commitsPerSecond, `${lossy.commitsPerSecond} a second`);
    assert.ok(lossy.submissionMs <= 1.5 * sound.submissionMs, `${lossy.submissionMs} ms`);
  });
}
