import { CircuitBreaker } from './circuit-breaker.ts';
import type { Clock } from './clock.ts';
import { errorText } from './errors.ts';
import type { Timers } from './timers.ts';

export interface GuardOptions {
  /** A call that takes longer has failed. */
  readonly callMs: number;
  /** So many failures in a row, and the server is left alone for `pauseMs`; then one call tries. */
  readonly failures: number;
  readonly pauseMs: number;
  /** Calls that the server owes an answer to; more are skipped. */
  readonly maxCalls: number;
}

export interface GuardModules {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Timers;
  /** The server is left alone from now on, for this reason; or answers again, without one. */
  changed(isUp: boolean, reason: string): void;
}

export type GuardedReply<T> = { readonly value: T } | 'failed' | 'skipped';

/** Calls to a server that the caller can do without: each ends within a bounded time, however the server behaves. */
export class GuardedCalls {
  readonly #options: GuardOptions;
  readonly #modules: GuardModules;
  readonly #breaker: CircuitBreaker;
  #calls = 0;

  constructor(options: GuardOptions, modules: GuardModules) {
    this.#options = options;
    this.#modules = modules;
    this.#breaker = new CircuitBreaker(options, modules.clock);
  }

  /** Never rejects. A call that is given up still counts until its promise settles. */
  call<T>(send: () => Promise<T>): Promise<GuardedReply<T>> {
    if (this.#calls >= this.#options.maxCalls || !this.#breaker.allows()) return Promise.resolve('skipped');
    this.#calls += 1;
    const { promise, resolve } = Promise.withResolvers<GuardedReply<T>>();
    let isGivenUp = false;
    const deadline = this.#modules.timers.after(this.#options.callMs, () => {
      isGivenUp = true;
      this.#failed('no answer in time');
      resolve('failed');
    });
    const settle = (reply: GuardedReply<T>, count: () => void): void => {
      this.#calls -= 1;
      if (isGivenUp) return;
      deadline.cancel();
      count();
      resolve(reply);
    };
    Promise.try(send).then(
      (value) => settle({ value }, () => this.#succeeded()),
      (error: unknown) => settle('failed', () => this.#failed(errorText(error))),
    );
    return promise;
  }

  #succeeded(): void {
    const wasOpen = this.#breaker.isOpen;
    this.#breaker.succeeded();
    if (wasOpen) this.#modules.changed(true, '');
  }

  #failed(reason: string): void {
    const wasOpen = this.#breaker.isOpen;
    this.#breaker.failed();
    if (!wasOpen && this.#breaker.isOpen) this.#modules.changed(false, reason);
  }
}
