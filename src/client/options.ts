import type { CryptoBackend } from '../crypto/backend.ts';
import { nobleBackend } from '../crypto/noble.ts';
import type { Clock } from '../util/clock.ts';
import type { Timers } from '../util/timers.ts';
import { fetchStream, type OpenStream } from './open-stream.ts';
import { fetchSend, type Send } from './send.ts';

export interface ClientOptions {
  /** Base URLs of validators, the preferred one first. */
  readonly urls: readonly string[];
  /** Refuses every other network; without it the first answer decides which network this is. */
  readonly networkId?: string;
  /** Takes a handle only with a proof; otherwise a proof is checked where there is one. */
  readonly requireProofs?: boolean;
  /** For one answer of one validator. */
  readonly requestTimeoutMs?: number;
}

/** What differs between Node, browsers and tests. */
export interface ClientModules {
  readonly send: Send;
  readonly openStream: OpenStream;
  readonly crypto: CryptoBackend;
  readonly clock: Clock;
  readonly timers: Timers;
}

export const DEFAULT_REQUEST_TIMEOUT_MS = 10_000;

export function withDefaults(modules: Partial<ClientModules>): ClientModules {
  return {
    send: modules.send ?? fetchSend(),
    openStream: modules.openStream ?? fetchStream(),
    crypto: modules.crypto ?? nobleBackend(),
    clock: modules.clock ?? { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
    timers: modules.timers ?? {
      after(delayMs, callback) {
        const handle = setTimeout(callback, delayMs);
        return { cancel: () => clearTimeout(handle) };
      },
    },
  };
}
