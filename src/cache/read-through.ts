import type { Cache } from './cache.ts';
import type { CacheMetrics } from './metrics.ts';
import { MAX_SHARED_READS } from './options.ts';

/** Reads through tiers, the nearest first, and from the source itself where none has the value. However many ask for a key at a time, it is read once. */
export class ReadThrough {
  readonly #tiers: readonly Cache[];
  readonly #metrics: CacheMetrics;
  readonly #reading = new Map<string, Promise<Uint8Array | undefined>>();

  constructor(tiers: readonly Cache[], metrics: CacheMetrics) {
    this.#tiers = tiers;
    this.#metrics = metrics;
  }

  /**
   * `load` gives undefined for what is not there, which is not kept: it may be there later.
   * @throws what `load` throws, to all who wait for it
   */
  getOrLoad(key: string, load: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    const underWay = this.#reading.get(key);
    if (underWay !== undefined) {
      this.#metrics.loads.add(1, { outcome: 'shared' });
      return underWay;
    }
    const reading = this.#read(key, load);
    if (this.#reading.size >= MAX_SHARED_READS) return reading;
    this.#reading.set(key, reading);
    return reading.finally(() => this.#reading.delete(key));
  }

  async close(): Promise<void> {
    for (const tier of this.#tiers) await tier.close();
  }

  async #read(key: string, load: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    for (const [level, tier] of this.#tiers.entries()) {
      const value = await tier.get(key);
      if (value === undefined) continue;
      this.#keep(key, value, level);
      return value;
    }
    const value = await this.#load(load);
    if (value !== undefined) this.#keep(key, value, this.#tiers.length);
    return value;
  }

  async #load(load: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    let outcome = 'failed';
    try {
      const value = await load();
      outcome = value === undefined ? 'absent' : 'loaded';
      return value;
    } finally {
      this.#metrics.loads.add(1, { outcome });
    }
  }

  /** In the tiers nearer than the one that had it. */
  #keep(key: string, value: Uint8Array, level: number): void {
    for (const tier of this.#tiers.slice(0, level)) tier.set(key, value);
  }
}
