import { assert } from '../../../src/util/assert.ts';
import { Prng } from '../../../src/util/prng.ts';
import type { BehaviourName } from '../adversaries.ts';
import { equalDelays, type LatencyReport, type LatencySetting, measureLatency } from '../latency.ts';
import type { Profile } from '../profile.ts';

/** Ways in which one member can try to slow the others down without breaking a rule. */
const WAYS = [
  'silent in its own slots',
  'timely once in four',
  'withheld from some',
  'a private chain',
] as const satisfies readonly BehaviourName[];
const DELAYS_MS = [2, 10, 30] as const;
const SECONDS = 10;
/** Of the median of a healthy network. */
const MOST_TIMES = 2.5;
/** Of the time. */
const MOST_TIMED_OUT = 0.05;

/** One of four in the hands of an adversary that wants the others to wait: it costs them little. */
export const PESTERED: Profile = {
  name: 'pestered',
  about: 'one faulty member of four tries to slow the others down: latency at most 2.5 times, timeouts under 5 %',
  run: async (seed) => {
    const prng = new Prng(seed);
    const way = prng.pick(WAYS);
    const delayMs = prng.pick(DELAYS_MS);
    const setting: LatencySetting = { members: 4, delays: equalDelays(delayMs), seed, seconds: SECONDS };
    const healthy = await measureLatency(setting);
    const pestered = await measureLatency({ ...setting, faulty: { member: prng.below(4), behaviour: way } });
    expectLittleHarm(healthy, pestered);
    return {
      setting: `${way}, ${delayMs} ms: ${pestered.submissionMs} ms instead of ${healthy.submissionMs}`,
      commits: Math.round(pestered.commitsPerSecond * SECONDS),
      transactions: pestered.finals,
      virtualMs: 2 * SECONDS * 1_000,
      faults: { [way]: 1 },
      decisions: {},
      fingerprint: JSON.stringify(pestered.bySecondMs),
    };
  },
};

function expectLittleHarm(healthy: LatencyReport, pestered: LatencyReport): void {
  const times = pestered.submissionMs / healthy.submissionMs;
  assert(times <= MOST_TIMES, `${pestered.submissionMs} ms is ${times} times the median of ${healthy.submissionMs} ms`);
  assert(pestered.timedOut <= MOST_TIMED_OUT, `${pestered.timedOut} of the time is spent in timeouts`);
}
