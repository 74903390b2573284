import { type Calibration, calibrate } from './calibration.ts';
import { judge, type Verdict } from './ledgers.ts';
import { accountOf, Load, type Phase, type PhasePlan } from './load.ts';
import type { BenchOptions } from './options.ts';
import { Senders } from './senders.ts';
import { Observer } from './usage.ts';
import { Validators } from './validators.ts';

const WARM_UP_SECONDS = 3;
const MIN_PHASE_SECONDS = 2;

export interface Outcome {
  readonly options: BenchOptions;
  readonly calibration: Calibration;
  /** Without the warm-up: `saturation`, `80 %` and `50 %`, or `rate` alone. */
  readonly phases: readonly Phase[];
  readonly points: Observer['points'];
  readonly rssBytesMax: number;
  readonly sampleEvery: number;
  readonly dropped: number;
  readonly verdict: Verdict;
}

/** Calibrates, starts the validators, loads them, compares their ledgers, stops them. `note` hears of the progress. */
export async function runCluster(
  options: BenchOptions,
  baseDir: string,
  note: (text: string) => void,
  stopped: Promise<never>,
): Promise<Outcome> {
  note('calibrating');
  const calibration = await Promise.race([stopped, calibrate(baseDir)]);
  note(
    `making ${options.accounts} accounts, ${options.senders} of them with keys, and starting ${options.validators} validators`,
  );
  const senders = new Senders(options);
  const validators = await Validators.start(`${baseDir}/network`, options, senders);
  const observer = new Observer(validators);
  const load = await Load.create(baseDir, validators, senders, options);
  try {
    const phases = runPhases(load, options, limitPerSecond(options, calibration), note);
    const measured = await Promise.race([stopped, validators.failed, phases]);
    note('comparing the ledgers');
    const handleOf = (lane: number, sender: number): number => accountOf(options, lane, sender);
    const verdict = await Promise.race([stopped, validators.failed, judge(validators.apis, load.lanes, handleOf)]);
    const { points, rssBytesMax } = observer;
    const { dropped } = load.counts;
    return {
      options,
      calibration,
      phases: measured,
      points,
      rssBytesMax,
      sampleEvery: load.sampleEvery,
      dropped,
      verdict,
    };
  } finally {
    observer.stop();
    await validators.stop();
    await load.close();
  }
}

/** Transfers a second if the validators did nothing but verify every signature once each. */
export function limitPerSecond({ batch, validators }: BenchOptions, { verifyPerSecondAllCores }: Calibration): number {
  return (batch * verifyPerSecondAllCores) / validators;
}

async function runPhases(
  load: Load,
  options: BenchOptions,
  limit: number,
  note: (text: string) => void,
): Promise<Phase[]> {
  const { rate, durationSeconds } = options;
  const run = async (plan: PhasePlan, expectedRate: number): Promise<Phase> => {
    note(`${plan.name}, ${plan.seconds} s`);
    const phase = await load.run(plan, expectedRate);
    note(`  ${Math.round(phase.interval.transfersPerSecond)} transfers/s, p99 ${phase.latencyMs?.p99 ?? '-'} ms`);
    return phase;
  };
  const unbounded = Number.POSITIVE_INFINITY;
  const warmUpRate = Math.min(limit, rate ?? limit);
  await run({ name: 'warm-up', seconds: WARM_UP_SECONDS, rate: rate ?? unbounded }, warmUpRate);
  if (rate !== undefined) return [await run({ name: 'rate', seconds: durationSeconds, rate }, rate)];
  const saturation = await run({ name: 'saturation', seconds: durationSeconds, rate: unbounded }, limit);
  const reached = saturation.interval.transfersPerSecond;
  const shares = [
    { name: '80 %', share: 0.8, seconds: durationSeconds / 2 },
    { name: '50 %', share: 0.5, seconds: durationSeconds / 4 },
  ] as const;
  const phases = [saturation];
  for (const { name, share, seconds } of shares) {
    const offered = Math.max(1, share * reached);
    phases.push(await run({ name, seconds: Math.max(MIN_PHASE_SECONDS, seconds), rate: offered }, offered));
  }
  return phases;
}
