import { TokenBucket } from '../util/token-bucket.ts';

export interface SourceBudgetOptions {
  readonly perSecond: number;
  readonly burst: number;
  /** Sources remembered. */
  readonly maxSources: number;
  /** Sources without a budget. */
  readonly trusted: readonly string[];
}

/**
 * What each source may cause: verifications, requests. A source is what submitted, never the sender that a transaction claims: that would let a
 * stranger lock the sender out. Bounded; the source unused longest starts afresh.
 */
export class SourceBudgets {
  readonly #options: SourceBudgetOptions;
  readonly #trusted: ReadonlySet<string>;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(options: SourceBudgetOptions) {
    this.#options = options;
    this.#trusted = new Set(options.trusted);
  }

  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Pays for one of them.
   * @returns 0, or the milliseconds after which the source can pay
   */
  take(source: string, nowMs: number): number {
    if (this.#trusted.has(source)) return 0;
    const bucket = this.#bucket(source, nowMs);
    return bucket.take(1, nowMs) ? 0 : bucket.waitMs(1, nowMs);
  }

  #bucket(source: string, nowMs: number): TokenBucket {
    const { perSecond, burst, maxSources } = this.#options;
    const bucket = this.#buckets.get(source) ?? new TokenBucket(perSecond, burst, nowMs);
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    if (this.#buckets.size > maxSources) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return bucket;
  }
}
