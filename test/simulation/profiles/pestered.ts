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
const MEMBERS = 4;
const DELAY_MS = 50;
const HEALTHY_SECONDS = 10;
/** Long enough that two timeouts, of about a second each, are less than a twentieth of it. */
const SECONDS = 60;
/** Of the median of a healthy network. */
const MOST_TIMES = 2.5;
/** Of the time. */
const MOST_TIMED_OUT = 0.05;

/** The same for every seed: without jitter there is nothing to draw. */
let healthyRun: Promise<LatencyReport> | undefined;

/** One of four in the hands of an adversary that wants the others to wait: it costs them little. */
export const PESTERED: Profile = {
  name: 'pestered',
  about: 'one faulty member of four tries to slow the others down: latency at most 2.5 times, timeouts under 5 %',
  run: async (seed) => {
    const way = WAYS[seed % WAYS.length] as (typeof WAYS)[number];
    const member = new Prng(seed).below(MEMBERS);
    const setting: LatencySetting = { members: MEMBERS, delays: equalDelays(DELAY_MS), seed, seconds: SECONDS };
    healthyRun ??= measureLatency({ ...setting, seconds: HEALTHY_SECONDS });
    const healthy = await healthyRun;
    const pestered = await measureLatency({ ...setting, faulty: { member, behaviour: way } });
    expectLittleHarm(healthy, pestered);
    return {
      setting: `${way}: ${pestered.submissionMs.toFixed(0)} ms, healthy ${healthy.submissionMs.toFixed(0)}, timeouts ${pestered.timedOut}`,
      commits: Math.round(pestered.commitsPerSecond * SECONDS),
      transactions: pestered.finals,
      virtualMs: SECONDS * 1_000,
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
