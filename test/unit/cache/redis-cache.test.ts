import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { cacheMetrics } from '../../../src/cache/metrics.ts';
import { DEFAULT_REDIS_TIMING, MAX_COMMANDS, MAX_VALUE_BYTES } from '../../../src/cache/options.ts';
import { RedisCache } from '../../../src/cache/redis-cache.ts';
import type { RedisClient } from '../../../src/cache/redis-client.ts';
import { Seal } from '../../../src/cache/seal.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { CountingInstruments } from '../../support/counting-instruments.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

const SEAL = new Seal(new Uint8Array(32).fill(1));
const VALUE = Uint8Array.of(1, 2, 3);
const OPTIONS = { prefix: 'n/', ttlMs: 60_000, timing: DEFAULT_REDIS_TIMING };

/** A server that answers, refuses or says nothing, as it is told. */
class ScriptedRedis implements RedisClient {
  mode: 'answers' | 'refuses' | 'silent' = 'answers';
  readonly values = new Map<string, Uint8Array>();
  readonly silent: (() => void)[] = [];
  commands = 0;

  get(key: string): Promise<Uint8Array | null> {
    return this.#reply(() => this.values.get(key) ?? null);
  }

  set(key: string, value: Uint8Array): Promise<unknown> {
    return this.#reply(() => this.values.set(key, value));
  }

  close(): void {
    this.mode = 'refuses';
  }

  #reply<T>(answer: () => T): Promise<T> {
    this.commands += 1;
    if (this.mode === 'answers') return Promise.resolve(answer());
    if (this.mode === 'refuses') throw new Error('connection is closed');
    return new Promise((resolve) => this.silent.push(() => resolve(answer())));
  }
}

let time: VirtualTime;
let redis: ScriptedRedis;
let instruments: CountingInstruments;
let cache: RedisCache;

beforeEach(() => {
  time = new VirtualTime();
  redis = new ScriptedRedis();
  instruments = new CountingInstruments();
  const modules = { clock: time, timers: time, metrics: cacheMetrics(instruments), logger: SILENT_LOGGER };
  cache = new RedisCache(OPTIONS, modules, SEAL, redis);
});

const reads = (outcome: string): number => instruments.total('av10_cache_reads_total', { tier: 'redis', outcome });
const isUp = (): number => instruments.total('av10_cache_redis_up');

async function failOften(): Promise<void> {
  redis.mode = 'refuses';
  for (let i = 0; i < OPTIONS.timing.failures; i++) await cache.get('k');
}

describe('values in Redis', () => {
  it('are sealed under the prefix', async () => {
    cache.set('k', VALUE);
    const [[name, stored] = ['', new Uint8Array(0)]] = redis.values;
    assert.equal(name, 'n/k');
    assert.deepEqual([...(SEAL.open('n/k', stored) ?? [])], [1, 2, 3]);
    assert.deepEqual([...((await cache.get('k')) ?? [])], [1, 2, 3]);
    assert.equal(reads('hit'), 1);
  });

  it('are not believed without the seal, nor under another key', async () => {
    cache.set('k', VALUE);
    redis.values.set('n/other', redis.values.get('n/k') as Uint8Array);
    redis.values.set('n/bare', VALUE);
    assert.deepEqual([await cache.get('other'), await cache.get('bare')], [undefined, undefined]);
    assert.equal(reads('refused'), 2);
    assert.equal(isUp(), 1, 'a server with foreign values is not down');
  });

  it('are not larger than the limit', () => {
    cache.set('k', new Uint8Array(MAX_VALUE_BYTES + 1));
    assert.equal(redis.commands, 0);
  });
});

describe('a Redis that fails', () => {
  it('is a miss after the deadline, and a late answer changes nothing', async () => {
    redis.mode = 'silent';
    const answer = cache.get('k');
    time.advance(OPTIONS.timing.commandMs);
    assert.equal(await answer, undefined);
    for (const late of redis.silent) late();
    assert.equal(reads('failed'), 1);
  });

  it('is left alone after some failures, and taken up again by one attempt', async () => {
    await failOften();
    assert.deepEqual([redis.commands, isUp()], [5, 0]);
    assert.equal(await cache.get('k'), undefined);
    cache.set('k', VALUE);
    assert.equal(redis.commands, 5);
    redis.mode = 'answers';
    time.advance(OPTIONS.timing.pauseMs);
    assert.equal(await cache.get('k'), undefined);
    assert.deepEqual([redis.commands, isUp()], [6, 1]);
    cache.set('k', VALUE);
    assert.equal((await cache.get('k'))?.length, 3);
  });

  it('never holds more commands than the limit, even if it answers none', async () => {
    redis.mode = 'silent';
    const answers = Array.from({ length: MAX_COMMANDS + 10 }, () => cache.get('k'));
    assert.equal(redis.commands, MAX_COMMANDS);
    time.advance(OPTIONS.timing.commandMs);
    for (const answer of await Promise.all(answers)) assert.equal(answer, undefined);
    time.advance(OPTIONS.timing.pauseMs);
    await cache.get('k');
    assert.equal(redis.commands, MAX_COMMANDS, 'the connection still owes its answers');
  });
});
