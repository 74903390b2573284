import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Profile } from './profile.ts';
import type { SeedResult } from './run-seed.ts';

export interface SwarmOptions {
  readonly profiles: readonly Profile[];
  /** Seeds count up from here. */
  readonly from: number;
  readonly minutes: number;
  readonly jobs: number;
}

export interface ProfileReport {
  readonly seeds: number;
  readonly seedsPerMinute: number;
  readonly virtualHours: number;
  readonly commits: number;
  readonly transactions: number;
}

export interface SwarmReport {
  readonly seeds: number;
  readonly from: number;
  readonly to: number;
  readonly commits: number;
  readonly failures: readonly { readonly profile: string; readonly seed: number; readonly failure: string }[];
  readonly profiles: Readonly<Record<string, ProfileReport>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly decisions: Readonly<Record<string, number>>;
}

const WORKER = join(import.meta.dirname, 'swarm-worker.ts');
const TELL_EVERY_MS = 10_000;
/** A seed takes about a second; one that takes this long hangs. */
const SEED_LIMIT_MS = 300_000;
/** A worker starts anew after so many, so that nothing piles up over hours. */
const SEEDS_PER_WORKER = 200;

/** Fresh seeds, one profile after the other, on `jobs` processes until the time is over; what runs then is finished. */
export async function runSwarm(options: SwarmOptions, tell: (line: string) => void): Promise<SwarmReport> {
  const untilMs = performance.now() + options.minutes * 60_000;
  const results: SeedResult[] = [];
  let next = options.from;
  const draw = (): { profile: string; seed: number } | undefined => {
    if (performance.now() >= untilMs) return undefined;
    const seed = next++;
    return { profile: (options.profiles[seed % options.profiles.length] as Profile).name, seed };
  };
  const telling = setInterval(() => tell(progress(results, untilMs)), TELL_EVERY_MS);
  const done = (result: SeedResult): void => {
    results.push(result);
    if (result.failure !== undefined) tell(`${result.profile} ${result.seed}: ${result.failure}`);
  };
  await Promise.all(Array.from({ length: options.jobs }, () => work(draw, done)));
  clearInterval(telling);
  return summarise(options.from, next - 1, results);
}

/** One process after another, each taking seeds until it has had its share or none are left. */
async function work(
  draw: () => { profile: string; seed: number } | undefined,
  done: (result: SeedResult) => void,
): Promise<void> {
  for (let task = draw(); task !== undefined; ) {
    const worker = fork(WORKER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    for (let count = 0; count < SEEDS_PER_WORKER && task !== undefined; count++) {
      const result = await runIn(worker, task);
      done(result);
      task = draw();
      if (worker.killed || worker.exitCode !== null || worker.signalCode !== null) break;
    }
    worker.kill();
  }
}

/** A process that dies or hangs is a failure of its seed. */
function runIn(worker: ChildProcess, task: { profile: string; seed: number }): Promise<SeedResult> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const finish = (result: SeedResult): void => {
      clearTimeout(fuse);
      worker.removeAllListeners();
      resolve(result);
    };
    const fail = (failure: string): void => {
      worker.kill('SIGKILL');
      finish({ ...task, outcome: undefined, failure, wallMs: Math.round(performance.now() - startedMs) });
    };
    const fuse = setTimeout(() => fail(`not finished after ${SEED_LIMIT_MS} ms`), SEED_LIMIT_MS);
    worker.once('message', (message) => finish(message as SeedResult));
    worker.once('exit', (code, signal) => fail(`the process ended with ${code ?? signal}`));
    worker.once('error', (error) => fail(error.message));
    worker.send(task);
  });
}

function progress(results: readonly SeedResult[], untilMs: number): string {
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  const leftSeconds = Math.max(0, Math.round((untilMs - performance.now()) / 1_000));
  return `${results.length} seeds, ${failed} failed, ${leftSeconds} s left`;
}

function summarise(from: number, to: number, results: readonly SeedResult[]): SwarmReport {
  const byProfile = Map.groupBy(results, ({ profile }) => profile);
  const outcomes = results.flatMap(({ outcome }) => outcome ?? []);
  return {
    seeds: results.length,
    from,
    to,
    commits: outcomes.reduce((sum, { commits }) => sum + commits, 0),
    failures: results.flatMap(({ profile, seed, failure }) =>
      failure === undefined ? [] : [{ profile, seed, failure }],
    ),
    profiles: Object.fromEntries([...byProfile].map(([name, runs]) => [name, reportOf(runs)])),
    faults: total(outcomes.map(({ faults }) => faults)),
    decisions: total(outcomes.map(({ decisions }) => decisions)),
  };
}

function reportOf(runs: readonly SeedResult[]): ProfileReport {
  const outcomes = runs.flatMap(({ outcome }) => outcome ?? []);
  const sum = (of: (outcome: (typeof outcomes)[number]) => number): number =>
    outcomes.reduce((all, outcome) => all + of(outcome), 0);
  const minutes = runs.reduce((all, { wallMs }) => all + wallMs, 0) / 60_000;
  return {
    seeds: runs.length,
    seedsPerMinute: Math.round(runs.length / minutes),
    virtualHours: Number((sum(({ virtualMs }) => virtualMs) / 3_600_000).toFixed(2)),
    commits: sum(({ commits }) => commits),
    transactions: sum(({ transactions }) => transactions),
  };
}

function total(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const count of counts) for (const [key, value] of Object.entries(count)) sums[key] = (sums[key] ?? 0) + value;
  return sums;
}
