import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Lane, type LaneCounts } from './lane.ts';
import { type LatencySummary, summarise } from './latency.ts';
import type { BenchOptions } from './options.ts';
import { Schedule } from './schedule.ts';
import type { Senders } from './senders.ts';
import { LiveSource, StreamSource, type TransactionSource } from './sources.ts';
import { Interval, read } from './usage.ts';
import type { Validators } from './validators.ts';

/** From here on signing is little beside the transfers, and is paid as it happens; smaller batches are signed beforehand. */
const LIVE_BATCH = 1_024;
/** Transfers on their way to one validator at saturation; between these numbers of transactions. */
const WINDOW_TRANSFERS = 262_144;
const MIN_WINDOW = 16;
const MAX_WINDOW = 1_024;
/** So that requests hold some transactions each. */
const GATHER_MS = 10;
/** Before each measurement, under the same load: the window fills, so that as much is on its way at the end as at the start. */
const RAMP_SECONDS = 2;

export interface PhasePlan {
  readonly name: 'warm-up' | 'saturation' | 'rate' | '80 %' | '50 %';
  readonly seconds: number;
  /** Transfers a second; Infinity: as many as the window lets through. */
  readonly rate: number;
}

export interface Phase {
  readonly plan: PhasePlan;
  readonly startMs: number;
  readonly endMs: number;
  readonly interval: Interval;
  /** Transfers accepted a second. */
  readonly acceptedPerSecond: number;
  readonly latencyMs: LatencySummary | undefined;
  readonly latencies: number;
  readonly retried: number;
  /** False when the signed stream ended before the time did. */
  readonly complete: boolean;
}

/** The load on all validators: one lane each, every sender on one lane for good. */
export class Load {
  readonly lanes: readonly Lane[];
  readonly sampleEvery: number;
  readonly #validators: Validators;
  readonly #sources: readonly TransactionSource[];
  readonly #batch: number;

  private constructor(validators: Validators, sources: readonly TransactionSource[], options: BenchOptions) {
    this.#validators = validators;
    this.#sources = sources;
    this.#batch = options.batch;
    this.sampleEvery = sampleEvery(options.batch);
    this.lanes = validators.apis.map((api, lane) => {
      const senders = laneSenders(options, lane);
      const inFlight = Math.min(MAX_WINDOW, Math.max(MIN_WINDOW, Math.floor(WINDOW_TRANSFERS / options.batch)));
      // Nobody looks at the others of a sender until the next one that is waited for.
      const window = inFlight + (this.sampleEvery - 1) * senders;
      const gatherMs = options.batch >= LIVE_BATCH ? 0 : GATHER_MS;
      return new Lane(api, sources[lane] as TransactionSource, {
        senders,
        window,
        sampleEvery: this.sampleEvery,
        gatherMs,
      });
    });
  }

  static async create(baseDir: string, validators: Validators, senders: Senders, options: BenchOptions): Promise<Load> {
    const sources = validators.apis.map((_, lane) => {
      const sign = (sender: number, nonce: number) =>
        senders.sign(validators.networkId, accountOf(options, lane, sender), nonce);
      const count = laneSenders(options, lane);
      if (options.batch >= LIVE_BATCH) return new LiveSource(count, sign);
      return StreamSource.create(join(baseDir, `stream-${lane}.bin`), count, sign);
    });
    return new Load(validators, await Promise.all(sources), options);
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()));
  }

  get counts(): LaneCounts {
    const total = { accepted: 0, final: 0, dropped: 0, retried: 0 };
    for (const { counts } of this.lanes)
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += counts[key];
    return total;
  }

  /** Signs for it, runs it, and waits until everything that it sent is final. `expectedRate`: transfers a second, to know how many to sign beside a window full. */
  async run(plan: PhasePlan, expectedRate: number): Promise<Phase> {
    const perLane = Math.ceil(((RAMP_SECONDS + plan.seconds) * expectedRate) / this.#batch / this.lanes.length);
    for (const [index, source] of this.#sources.entries()) {
      await source.prepare(perLane + (this.lanes[index] as Lane).window);
    }
    const rampMs = performance.now();
    const endMs = rampMs + (RAMP_SECONDS + plan.seconds) * 1_000;
    const laneRate = plan.rate / this.#batch / this.lanes.length;
    const runs = this.lanes.map((lane, index) => {
      // Lanes take turns within the interval of the rate, or their requests would meet.
      const offsetMs = Number.isFinite(laneRate) ? (index * 1_000) / (laneRate * this.lanes.length) : 0;
      return lane.run(new Schedule(rampMs + offsetMs, laneRate), endMs);
    });
    const ended = Promise.all(runs);
    await Promise.race([ended, delay(RAMP_SECONDS * 1_000)]);
    const from = await read(this.#validators);
    const [before, startMs] = [this.counts, performance.now()];
    for (const lane of this.lanes) lane.takeLatencies();
    const firstDry = Promise.race(
      runs.map(async (run) => ((await run) ? new Promise<never>(() => undefined) : undefined)),
    );
    await Promise.race([ended, firstDry]);
    const [to, stoppedMs] = [await read(this.#validators), performance.now()];
    const accepted = this.counts.accepted - before.accepted;
    const complete = (await ended).every((flag) => flag);
    await Promise.all(this.lanes.map((lane) => lane.drain()));
    // Those too that became final after the end: leaving out the slow ones would be flattery.
    const latencies = this.lanes.flatMap((lane) => lane.takeLatencies());
    return {
      ...{ plan, startMs, endMs: stoppedMs, complete },
      interval: new Interval(from, to),
      acceptedPerSecond: (accepted * this.#batch) / ((stoppedMs - startMs) / 1_000),
      latencyMs: summarise(latencies),
      latencies: latencies.length,
      retried: this.counts.retried - before.retried,
    };
  }
}

/** Accounts are dealt out to the lanes in turns. */
export function accountOf({ validators }: BenchOptions, lane: number, sender: number): number {
  return sender * validators + lane;
}

function laneSenders({ senders, validators }: BenchOptions, lane: number): number {
  return Math.floor((senders - lane - 1) / validators) + 1;
}

/** Waiting costs the validator a request: for small transactions as much as the transaction itself. */
function sampleEvery(batch: number): number {
  if (batch >= LIVE_BATCH) return 1;
  return batch >= 64 ? 4 : 8;
}
