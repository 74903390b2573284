import { randomBytes } from 'node:crypto';
import type { Clock } from '../util/clock.ts';
import type { Random } from '../util/random.ts';
import type { Timers } from '../util/timers.ts';

/** The machine's clock, timers and randomness: the only place where production code touches them. */
export const SYSTEM_CLOCK: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

export const SYSTEM_TIMERS: Timers = {
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const SYSTEM_RANDOM: Random = { bytes: (length) => new Uint8Array(randomBytes(length)) };
