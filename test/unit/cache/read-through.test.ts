import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { MemoryCache } from '../../../src/cache/memory-cache.ts';
import { type CacheMetrics, cacheMetrics } from '../../../src/cache/metrics.ts';
import { ReadThrough } from '../../../src/cache/read-through.ts';
import { CountingInstruments } from '../../support/counting-instruments.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

const VALUE = Uint8Array.of(1, 2, 3);
const LOADS = 'av10_cache_loads_total';

let instruments: CountingInstruments;
let metrics: CacheMetrics;
let near: MemoryCache;
let far: MemoryCache;
let cache: ReadThrough;

beforeEach(() => {
  instruments = new CountingInstruments();
  metrics = cacheMetrics(instruments);
  const modules = { clock: new VirtualTime(), metrics };
  near = new MemoryCache({ memoryBytes: 10_000, ttlMs: 60_000 }, modules);
  far = new MemoryCache({ memoryBytes: 10_000, ttlMs: 60_000 }, modules);
  cache = new ReadThrough([near, far], metrics);
});

const never = async (): Promise<never> => assert.fail('nothing to load');

describe('reading through the cache', () => {
  it('loads once and keeps it in every tier', async () => {
    assert.deepEqual(await cache.getOrLoad('k', async () => VALUE), VALUE);
    assert.deepEqual(await cache.getOrLoad('k', never), VALUE);
    assert.deepEqual([await near.get('k'), await far.get('k')], [VALUE, VALUE]);
    assert.equal(instruments.total(LOADS, { outcome: 'loaded' }), 1);
  });

  it('brings nearer what a farther tier has', async () => {
    far.set('k', VALUE);
    assert.deepEqual(await cache.getOrLoad('k', never), VALUE);
    assert.deepEqual(await near.get('k'), VALUE);
  });

  it('loads once for all who ask at a time', async () => {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    let loads = 0;
    const load = (): Promise<Uint8Array> => {
      loads += 1;
      return promise;
    };
    const answers = Array.from({ length: 100 }, () => cache.getOrLoad('k', load));
    resolve(VALUE);
    for (const answer of await Promise.all(answers)) assert.deepEqual(answer, VALUE);
    assert.equal(loads, 1);
    assert.equal(instruments.total(LOADS, { outcome: 'shared' }), 99);
  });

  it('does not keep that something is absent', async () => {
    assert.equal(await cache.getOrLoad('k', async () => undefined), undefined);
    assert.deepEqual(await cache.getOrLoad('k', async () => VALUE), VALUE);
    assert.equal(instruments.total(LOADS, { outcome: 'absent' }), 1);
  });

  it('throws what loading throws to all who wait, and loads again for the next', async () => {
    const fails = async (): Promise<never> => {
      throw new Error('disk');
    };
    const answers = [cache.getOrLoad('k', fails), cache.getOrLoad('k', fails)];
    for (const answer of answers) await assert.rejects(answer, /disk/);
    assert.deepEqual(await cache.getOrLoad('k', async () => VALUE), VALUE);
    assert.equal(instruments.total(LOADS, { outcome: 'failed' }), 1);
  });
});
