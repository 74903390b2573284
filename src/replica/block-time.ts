import type { DagView } from '../consensus/index.ts';
import type { BlockRef } from '../types/block.ts';
import type { Clock } from '../util/clock.ts';

/** Timestamps of own blocks stay this close to what the others' blocks say, whatever the own clock says. */
const CLOCK_IGNORED_MS = 10_000;

/** Timestamps for own blocks: the own clock, as long as the others' blocks make it believable (docs/spec/commit-rule.md, "Order, time, collection"). */
export class BlockTime {
  readonly #clock: Clock;
  /** When the last own block was made, on the monotonic clock. */
  #madeMs: number | undefined;
  #ignoredMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** By how much the own clock was ahead (positive) or behind when the last block was made, beyond what the others would have believed; 0 in good order. */
  get ignoredMs(): number {
    return this.#ignoredMs;
  }

  made(atMs: number): void {
    this.#madeMs = atMs;
  }

  timestampMs(dag: DagView, ancestors: readonly BlockRef[]): number {
    const now = Math.floor(this.#clock.wallMs());
    const times = ancestors.flatMap(({ id }) => dag.get(id)?.timestampMs ?? []).sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)];
    if (median === undefined || times.length < 2) return now;
    // The others' blocks are as old as the network has stood still. Close to them, not equal to them: else time that fell behind would stand still.
    const stoodMs = this.#madeMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() - this.#madeMs;
    const latest = Math.floor(median + stoodMs + CLOCK_IGNORED_MS);
    const believed = Math.max(median - CLOCK_IGNORED_MS, Math.min(now, latest));
    this.#ignoredMs = now - believed;
    return believed;
  }
}
