/**
 * When transactions should go out, whatever the validators do: the n-th of a fixed rate is due at `start + n / rate`. Latency counts from there, so
 * that a validator that stalls cannot hide the time that the load had to wait (no coordinated omission).
 */
export class Schedule {
  readonly #startMs: number;
  readonly #intervalMs: number;
  #taken = 0;

  /** An infinite rate has everything due at once: saturation, where only the window holds the load back. */
  constructor(startMs: number, perSecond: number) {
    this.#startMs = startMs;
    this.#intervalMs = 1_000 / perSecond;
  }

  /** Transactions due and not taken; Infinity at an infinite rate. */
  due(nowMs: number): number {
    if (this.#intervalMs === 0) return Number.POSITIVE_INFINITY;
    return Math.max(0, Math.floor((nowMs - this.#startMs) / this.#intervalMs) + 1 - this.#taken);
  }

  /** The time at which the next one is due. */
  get nextMs(): number {
    return this.#startMs + this.#taken * this.#intervalMs;
  }

  /** Takes the next one and says when it was due; at an infinite rate that is now. */
  take(nowMs: number): number {
    const dueMs = this.#intervalMs === 0 ? nowMs : this.nextMs;
    this.#taken += 1;
    return dueMs;
  }
}
