import type { Clock } from '../util/clock.ts';
import { errorText } from '../util/errors.ts';
import { GuardedCalls } from '../util/guarded-calls.ts';
import type { Logger } from '../util/logger.ts';
import type { Timers } from '../util/timers.ts';
import type { Cache } from './cache.ts';
import type { CacheMetrics } from './metrics.ts';
import { MAX_COMMANDS, MAX_VALUE_BYTES, type RedisOptions } from './options.ts';
import { connectRedis, type RedisClient } from './redis-client.ts';
import { Seal } from './seal.ts';

export interface RedisCacheModules {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Timers;
  readonly metrics: CacheMetrics;
  readonly logger: Logger;
}

/**
 * Shared with other nodes by one Redis or a cluster. Down, late or full of somebody else's values it is a miss, never an error: a command has
 * `commandMs`, and a server that failed several times in a row is left alone for a while.
 */
export class RedisCache implements Cache {
  readonly #options: Pick<RedisOptions, 'prefix' | 'ttlMs' | 'timing'>;
  readonly #modules: RedisCacheModules;
  readonly #client: RedisClient;
  readonly #seal: Seal;
  readonly #calls: GuardedCalls;

  static connect(options: RedisOptions, modules: RedisCacheModules): RedisCache {
    const { logger } = modules;
    const problem = (error: unknown): void => logger.debug('redis', { error: errorText(error) });
    const seal = new Seal(options.secret);
    return new RedisCache(options, modules, seal, connectRedis(options, problem));
  }

  constructor(
    options: Pick<RedisOptions, 'prefix' | 'ttlMs' | 'timing'>,
    modules: RedisCacheModules,
    seal: Seal,
    client: RedisClient,
  ) {
    this.#options = options;
    this.#modules = modules;
    this.#seal = seal;
    this.#client = client;
    const { commandMs: callMs, failures, pauseMs } = options.timing;
    const changed = (isUp: boolean, reason: string): void => this.#changed(isUp, reason);
    this.#calls = new GuardedCalls({ callMs, failures, pauseMs, maxCalls: MAX_COMMANDS }, { ...modules, changed });
    modules.metrics.redisUp.set(1);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const name = this.#options.prefix + key;
    const reply = await this.#calls.call(() => this.#client.get(name));
    if (typeof reply === 'string') return this.#read('failed');
    if (reply.value === null) return this.#read('miss');
    const value = this.#seal.open(name, reply.value);
    return value === undefined ? this.#read('refused') : this.#read('hit', value);
  }

  set(key: string, value: Uint8Array): void {
    void this.#store(this.#options.prefix + key, value).then((outcome) =>
      this.#modules.metrics.writes.add(1, { tier: 'redis', outcome }),
    );
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  async #store(name: string, value: Uint8Array): Promise<'stored' | 'failed' | 'skipped'> {
    if (value.length > MAX_VALUE_BYTES) return 'skipped';
    const sealed = this.#seal.close(name, value);
    const reply = await this.#calls.call(() => this.#client.set(name, sealed, this.#options.ttlMs));
    return typeof reply === 'string' ? reply : 'stored';
  }

  #changed(isUp: boolean, error: string): void {
    const { logger, metrics } = this.#modules;
    metrics.redisUp.set(isUp ? 1 : 0);
    if (isUp) logger.info('redis answers again');
    else logger.warn('redis does not answer: going on without it', { error });
  }

  #read(outcome: 'hit' | 'miss' | 'failed' | 'refused', value?: Uint8Array): Uint8Array | undefined {
    this.#modules.metrics.reads.add(1, { tier: 'redis', outcome });
    return value;
  }
}
