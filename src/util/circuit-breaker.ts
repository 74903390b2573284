import type { Clock } from './clock.ts';

interface BreakerOptions {
  readonly failures: number;
  readonly pauseMs: number;
}

/** Leaves a server alone that failed several times in a row; after a pause one attempt decides. */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #failures = 0;
  #untilMs = 0;
  #isTrying = false;

  constructor(options: BreakerOptions, clock: Pick<Clock, 'monotonicMs'>) {
    this.#options = options;
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#failures >= this.#options.failures;
  }

  /** Whether to try; each permission is answered by one of `succeeded` and `failed`. */
  allows(): boolean {
    if (!this.isOpen) return true;
    if (this.#isTrying || this.#clock.monotonicMs() < this.#untilMs) return false;
    this.#isTrying = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#isTrying = false;
  }

  failed(): void {
    this.#failures += 1;
    this.#isTrying = false;
    this.#untilMs = this.#clock.monotonicMs() + this.#options.pauseMs;
  }
}
