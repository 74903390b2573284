import { RestError } from './errors.ts';
import type { ApiMetrics } from './metrics.ts';
import { MAX_WAITERS } from './options.ts';

/** The requests that wait for something of the node: how many at most, and that none holds up a stop. */
export class Waiters {
  readonly #gauge: ApiMetrics['waiters'];
  readonly #released = Promise.withResolvers<undefined>();
  #count = 0;

  constructor(metrics: ApiMetrics) {
    this.#gauge = metrics.waiters;
  }

  /**
   * What `start` resolves to; undefined at `release`.
   * @throws RestError TOO_MANY_WAITERS
   */
  async until<T>(start: () => Promise<T>): Promise<T | undefined> {
    if (this.#count === MAX_WAITERS) {
      throw new RestError('TOO_MANY_WAITERS', `at most ${MAX_WAITERS} requests wait at a time`, { limit: MAX_WAITERS });
    }
    this.#note(1);
    const ended = start().finally(() => this.#note(-1));
    return Promise.race([ended, this.#released.promise]);
  }

  /** Ends all waiting, now and later. */
  release(): void {
    this.#released.resolve(undefined);
  }

  #note(change: 1 | -1): void {
    this.#count += change;
    this.#gauge.set(this.#count);
  }
}
