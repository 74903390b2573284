import { DEFAULT_PACING } from '../../src/consensus/index.ts';
import { Prng } from '../../src/util/prng.ts';
import { Cluster } from '../support/cluster.ts';
import { percentile } from '../support/load.ts';
import { Puppet } from '../support/puppet.ts';
import { type BehaviourName, behave } from './adversaries.ts';

/** One-way delays between members, in milliseconds. */
export type Delays = (from: number, to: number) => number;

export interface LatencySetting {
  readonly members: number;
  readonly delays: Delays;
  readonly seed: number;
  readonly leadersPerRound?: number;
  /** Members that are killed once the network runs. */
  readonly crashed?: readonly number[];
  /** One member in the hands of an adversary. */
  readonly faulty?: { readonly member: number; readonly behaviour: BehaviourName };
  /** Share of frames that are lost and sent again a round trip later, as TCP does; what follows on the same channel waits for them. */
  readonly loss?: number;
  readonly seconds?: number;
}

/** All times in milliseconds; medians unless said. */
export interface LatencyReport {
  /** From the signature of a leader's block to its commit at its author. */
  readonly blockMs: number;
  /** From submission to final at the same validator. */
  readonly submissionMs: number;
  readonly submissionP99Ms: number;
  readonly meanRoundMs: number;
  readonly commitsPerSecond: number;
  readonly finals: number;
  /** Medians of submission to final, second by second: shows oscillation. */
  readonly bySecondMs: readonly number[];
  /** Share of the time in rounds that lasted for a leader timeout. */
  readonly timedOut: number;
}

const SUBMIT_EVERY_MS = 20;
const WARM_UP_MS = 5_000;
/** Leaders that went away are waited for in vain until nobody counts them as alive. */
const AFTER_CRASH_MS = 10_000;
/** Who makes others wait is waited for half as often each time. */
const PESTERED_MS = 40_000;
/** Often enough that nobody is idle. */
const AWAKE_EVERY_MS = 200;

/** A network under light load, without faults but those of the setting. */
export async function measureLatency(setting: LatencySetting): Promise<LatencyReport> {
  const { members, seed, delays, loss = 0, crashed = [], leadersPerRound, seconds = 20 } = setting;
  const prng = new Prng(seed);
  const cluster = new Cluster({
    powers: Array.from({ length: members }, () => 1),
    seed,
    ...(leadersPerRound === undefined ? {} : { parameters: { leadersPerRound } }),
    network: { latencyMs: (from, to) => delays(from, to) * (prng.chance(loss) ? 3 : 1) },
  });
  await cluster.startAll();
  if (setting.faulty !== undefined) await corrupt(cluster, setting.faulty, prng);
  await cluster.run(WARM_UP_MS);
  for (const member of crashed) cluster.crash(member, 'killed');
  if (crashed.length > 0) await submitFor(cluster, AFTER_CRASH_MS, () => undefined);
  if (setting.faulty !== undefined) await submitFor(cluster, PESTERED_MS, () => undefined, AWAKE_EVERY_MS);
  return measure(cluster, seconds);
}

async function corrupt(
  cluster: Cluster,
  { member, behaviour }: Required<LatencySetting>['faulty'],
  prng: Prng,
): Promise<void> {
  cluster.crash(member, 'killed');
  const puppet = new Puppet(cluster, member);
  await puppet.start();
  behave(behaviour, { cluster, puppet, prng, transfers: () => [] });
}

async function measure(cluster: Cluster, seconds: number): Promise<LatencyReport> {
  const submitted = new Map<string, number>();
  const finals: { readonly second: number; readonly tookMs: number }[] = [];
  const blocks: number[] = [];
  let commits = 0;
  const startMs = cluster.time.monotonicMs();
  const live = cluster.nodes.flatMap(({ validator }, index) => (validator === undefined ? [] : [{ validator, index }]));
  for (const { validator, index } of live) {
    validator.subscribe((event) => {
      const nowMs = cluster.time.monotonicMs();
      if (event.type === 'commit' && event.commit.leader.author === index) {
        commits += 1;
        const block = validator.replica.core.dag.get(event.commit.leader.id);
        if (block !== undefined) blocks.push(cluster.time.wallMs() - block.timestampMs);
      }
      if (event.type !== 'transaction' || event.status.level !== 'final') return;
      const atMs = submitted.get(`${index} ${event.status.id}`);
      if (atMs === undefined) return;
      finals.push({ second: Math.floor((nowMs - startMs) / 1_000), tookMs: nowMs - atMs });
    });
  }
  const first = live[0]?.validator.replica.core.highestRound ?? 0;
  const timeouts = new Timeouts(cluster, live[0]?.index ?? 0);
  await submitFor(cluster, seconds * 1_000, (id, index) => {
    submitted.set(`${index} ${id}`, cluster.time.monotonicMs());
    timeouts.look();
  });
  const rounds = (live[0]?.validator.replica.core.highestRound ?? 0) - first;
  const took = (of: typeof finals): number[] => of.map(({ tookMs }) => tookMs);
  const bySecond = Map.groupBy(finals, ({ second }) => second);
  return {
    blockMs: percentile(blocks, 0.5),
    submissionMs: percentile(took(finals), 0.5),
    submissionP99Ms: percentile(took(finals), 0.99),
    meanRoundMs: (seconds * 1_000) / rounds,
    commitsPerSecond: commits / seconds,
    finals: finals.length,
    timedOut: timeouts.totalMs / (seconds * 1_000),
    bySecondMs: [...bySecond.values()].map((second) => percentile(took(second), 0.5)),
  };
}

/** Adds up the rounds of one node that lasted for a leader timeout, as precisely as it is looked at. */
class Timeouts {
  totalMs = 0;
  readonly #cluster: Cluster;
  readonly #node: number;
  #round = 0;
  #sinceMs = 0;

  constructor(cluster: Cluster, node: number) {
    this.#cluster = cluster;
    this.#node = node;
  }

  look(): void {
    const { core } = this.#cluster.validator(this.#node).replica;
    const nowMs = this.#cluster.time.monotonicMs();
    if (core.lastProposedRound === this.#round) return;
    const tookMs = nowMs - this.#sinceMs;
    if (this.#round > 0 && tookMs >= DEFAULT_PACING.leaderTimeoutMs) this.totalMs += tookMs;
    this.#round = core.lastProposedRound;
    this.#sinceMs = nowMs;
  }
}

/** Single transfers, one after the other at each live validator in turn; each account stays with one validator, as clients should. */
async function submitFor(
  cluster: Cluster,
  forMs: number,
  submitted: (id: string, index: number) => void,
  everyMs = SUBMIT_EVERY_MS,
): Promise<void> {
  const live = cluster.nodes.flatMap(({ validator }, index) => (validator === undefined ? [] : [index]));
  for (let i = 0; i < forMs / everyMs; i++) {
    const index = live[i % live.length] as number;
    const perValidator = Math.floor(cluster.accounts.length / cluster.nodes.length);
    const turn = Math.floor(i / live.length) % perValidator;
    const transfer = cluster.transfer(index + turn * cluster.nodes.length);
    await cluster.validator(index).submit([transfer], 'test');
    submitted(transfer.id, index);
    await cluster.run(everyMs);
  }
}

/** Every path the same. */
export function equalDelays(ms: number): Delays {
  return () => ms;
}

/** One-way delays of public cloud regions, rounded: Virginia, Frankfurt, Tokyo. */
const THREE_REGIONS = [
  [1, 44, 78],
  [44, 1, 112],
  [78, 112, 1],
];

/** Members spread over the regions in turn. */
export function threeRegions(from: number, to: number): number {
  return THREE_REGIONS[from % 3]?.[to % 3] ?? 1;
}

/** Longitudes and latitudes of ten cities with data centres, from which delays follow. */
const TEN_REGIONS = [
  [-77, 39],
  [-122, 45],
  [-46, -23],
  [-6, 53],
  [8, 50],
  [72, 19],
  [103, 1],
  [126, 37],
  [139, 35],
  [151, -33],
] as const;

/** Great-circle distance at two thirds of the speed of light, a third longer than the straight way, and a millisecond. */
export function tenRegions(from: number, to: number): number {
  const [a, b] = [TEN_REGIONS[from % 10], TEN_REGIONS[to % 10]].map((place) =>
    (place as readonly [number, number]).map((degrees) => (degrees * Math.PI) / 180),
  ) as [[number, number], [number, number]];
  const cosine = Math.sin(a[1]) * Math.sin(b[1]) + Math.cos(a[1]) * Math.cos(b[1]) * Math.cos(a[0] - b[0]);
  const kilometres = 6_371 * Math.acos(Math.min(1, Math.max(-1, cosine)));
  return 1 + Math.round((kilometres * 1.33) / 200);
}
