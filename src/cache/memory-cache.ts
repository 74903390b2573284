import { LRUCache } from 'lru-cache';
import type { Clock } from '../util/clock.ts';
import type { Cache } from './cache.ts';
import type { CacheMetrics } from './metrics.ts';
import { type CacheOptions, ENTRY_BYTES, MAX_VALUE_BYTES } from './options.ts';

interface MemoryCacheModules {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly metrics: CacheMetrics;
}

/** In this process; what was used longest ago yields. */
export class MemoryCache implements Cache {
  readonly #entries: LRUCache<string, Uint8Array>;
  readonly #metrics: CacheMetrics;

  constructor({ memoryBytes, ttlMs }: CacheOptions, { clock, metrics }: MemoryCacheModules) {
    this.#metrics = metrics;
    this.#entries = new LRUCache({
      maxSize: memoryBytes,
      sizeCalculation: (value, key) => ENTRY_BYTES + key.length + value.length,
      ttl: ttlMs,
      // Otherwise it keeps a timer to save calls of the clock.
      ttlResolution: 0,
      perf: { now: () => clock.monotonicMs() },
    });
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = this.#entries.get(key);
    this.#metrics.reads.add(1, { tier: 'memory', outcome: value === undefined ? 'miss' : 'hit' });
    return value;
  }

  set(key: string, value: Uint8Array): void {
    const isKept = value.length <= MAX_VALUE_BYTES;
    // A copy: a view would hold the whole block that it was cut from.
    if (isKept) this.#entries.set(key, value.slice());
    this.#metrics.writes.add(1, { tier: 'memory', outcome: isKept ? 'stored' : 'skipped' });
    this.#metrics.memoryBytes.set(this.#entries.calculatedSize);
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }
}
