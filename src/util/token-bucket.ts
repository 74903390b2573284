/** Allows `perSecond` units a second and up to `burst` at once. Monotonic time is given by the caller. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Takes the units if they are there. */
  take(units: number, nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#tokens < units) return false;
    this.#tokens -= units;
    return true;
  }

  /** Takes units whose number was known only after the work; the debt delays what comes next. */
  spend(units: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens -= units;
  }

  /** Until this many units are there; 0 if they are. */
  waitMs(units: number, nowMs: number): number {
    this.#refill(nowMs);
    return Math.max(0, Math.ceil((units - this.#tokens) / this.#perMs));
  }

  #refill(nowMs: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }
}
