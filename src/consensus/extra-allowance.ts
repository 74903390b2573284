const SECOND_MS = 1_000;

/** Equivocating blocks that may be fetched beyond the budget of single blocks: a token bucket of one second's rate. */
export class ExtraAllowance {
  readonly #perSecond: number;
  #tokens: number;
  #filledAtMs: number | undefined;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** Whole tokens at hand. */
  available(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - (this.#filledAtMs ?? nowMs));
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + (elapsedMs * this.#perSecond) / SECOND_MS);
    return Math.floor(this.#tokens);
  }

  spend(count: number): void {
    this.#tokens -= count;
  }

  get nextTokenAtMs(): number {
    return (this.#filledAtMs ?? 0) + Math.ceil(SECOND_MS / this.#perSecond);
  }
}
