import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type Cache,
  cacheMetrics,
  DEFAULT_REDIS_TIMING,
  MemoryCache,
  type RedisOptions,
} from '../../src/cache/index.ts';
import { MAX_VALUE_BYTES } from '../../src/cache/options.ts';
import { RedisCache } from '../../src/cache/redis-cache.ts';
import { NO_INSTRUMENTS } from '../../src/util/instruments.ts';
import { SILENT_LOGGER } from '../../src/util/logger.ts';
import { eventually } from '../support/eventually.ts';
import { NO_REDIS, RedisServer } from '../support/redis-servers.ts';
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from '../support/system-time.ts';

const TTL_MS = 300;
const metrics = cacheMetrics(NO_INSTRUMENTS);
const modules = { clock: SYSTEM_CLOCK, timers: SYSTEM_TIMERS, metrics, logger: SILENT_LOGGER };

let server: RedisServer | undefined;
after(() => server?.remove());

function redisOptions(port: number, ttlMs: number, prefix: string): RedisOptions {
  const nodes = [{ host: '127.0.0.1', port }];
  const secret = new Uint8Array(32).fill(1);
  // A loaded machine is not what this suite is about.
  const timing = { ...DEFAULT_REDIS_TIMING, commandMs: 2_000 };
  return { nodes, isCluster: false, tls: false, password: undefined, prefix, secret, ttlMs, timing };
}

const implementations: readonly {
  readonly name: string;
  readonly skip: string | undefined;
  make(ttlMs: number): Promise<Cache>;
}[] = [
  {
    name: 'MemoryCache',
    skip: undefined,
    make: async (ttlMs) => new MemoryCache({ memoryBytes: 8 * MAX_VALUE_BYTES, ttlMs }, modules),
  },
  {
    name: 'RedisCache',
    skip: NO_REDIS,
    async make(ttlMs) {
      server ??= await RedisServer.start();
      const cache = RedisCache.connect(redisOptions(server.port, ttlMs, `${crypto.randomUUID()}/`), modules);
      const ready = Uint8Array.of(1);
      await eventually(async () => {
        cache.set('ready', ready);
        return (await cache.get('ready')) !== undefined;
      }, 'a connection to redis');
      return cache;
    },
  },
];

for (const { name, skip, make } of implementations) {
  describe(`Cache contract: ${name}`, { skip: skip ?? false }, () => {
    let cache: Cache;
    before(async () => {
      cache = await make(60_000);
    });
    after(() => cache?.close());

    const get = async (key: string) => (await cache.get(key))?.toHex();

    it('answers what was set under the key, and nothing under another', async () => {
      cache.set('a', Uint8Array.of(1, 2));
      assert.deepEqual([await get('a'), await get('A'), await get('b')], ['0102', undefined, undefined]);
    });

    it('keeps any bytes, none at all and the largest value included', async () => {
      cache.set(
        'any',
        Uint8Array.from({ length: 256 }, (_, i) => i),
      );
      cache.set('none', new Uint8Array(0));
      cache.set('largest', new Uint8Array(MAX_VALUE_BYTES).fill(7));
      assert.equal((await get('any'))?.slice(-8), 'fcfdfeff');
      assert.equal(await get('none'), '');
      assert.equal((await get('largest'))?.length, 2 * MAX_VALUE_BYTES);
    });

    it('keeps no larger value', async () => {
      cache.set('larger', new Uint8Array(MAX_VALUE_BYTES + 1));
      assert.equal(await get('larger'), undefined);
    });

    it('keeps what it was given, whatever becomes of the array', async () => {
      const value = Uint8Array.of(9, 9);
      cache.set('mine', value);
      value.fill(0);
      assert.equal(await get('mine'), '0909');
    });

    it('forgets when the time is over', async () => {
      const short = await make(TTL_MS);
      short.set('a', Uint8Array.of(1));
      await eventually(async () => (await short.get('a')) === undefined, 'forgetting');
      await short.close();
    });

    it('is a miss once it is closed', async () => {
      const closed = await make(60_000);
      closed.set('a', Uint8Array.of(1));
      await closed.close();
      assert.equal(await closed.get('a'), undefined);
    });
  });
}
