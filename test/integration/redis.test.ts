import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type CacheMetrics, cacheMetrics, DEFAULT_REDIS_TIMING, ReadThrough } from '../../src/cache/index.ts';
import { RedisCache } from '../../src/cache/redis-cache.ts';
import { MAX_SEALED_BYTES } from '../../src/cache/seal.ts';
import { utf8 } from '../../src/util/bytes.ts';
import { SILENT_LOGGER } from '../../src/util/logger.ts';
import { CountingInstruments } from '../support/counting-instruments.ts';
import { eventually } from '../support/eventually.ts';
import { ask, NO_REDIS, RedisCluster, RedisServer } from '../support/redis-servers.ts';
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from '../support/system-time.ts';

const READERS = 16;
const KEYS = 2_000;
/** A command's time, and what two busy cores add. */
const SLOW_MS = 500;
const TIMING = DEFAULT_REDIS_TIMING;

/** A node's cache with nothing in memory, so that every read asks Redis. */
class Node {
  readonly instruments = new CountingInstruments();
  readonly cache: ReadThrough;
  loads = 0;

  constructor(nodes: readonly { readonly host: string; readonly port: number }[], isCluster: boolean) {
    const metrics: CacheMetrics = cacheMetrics(this.instruments);
    const secret = utf8('the secret that all nodes of this test share');
    const options = { nodes, isCluster, tls: false, password: undefined, secret, prefix: 'net/', ttlMs: 60_000 };
    const modules = { clock: SYSTEM_CLOCK, timers: SYSTEM_TIMERS, metrics, logger: SILENT_LOGGER };
    this.cache = new ReadThrough([RedisCache.connect({ ...options, timing: TIMING }, modules)], metrics);
  }

  async read(key: string): Promise<string> {
    const value = await this.cache.getOrLoad(key, async () => {
      this.loads += 1;
      return utf8(sourceOf(key));
    });
    return new TextDecoder().decode(value);
  }

  hits(): number {
    return this.reads('hit');
  }

  reads(outcome: 'hit' | 'refused'): number {
    return this.instruments.total('av10_cache_reads_total', { tier: 'redis', outcome });
  }
}

const sourceOf = (key: string): string => `value of ${key}`;

/** Reads until it is stopped; notes every wrong value and the slowest read. */
class Load {
  readonly wrong: string[] = [];
  reads = 0;
  slowestMs = 0;
  #isOver = false;
  readonly #readers: Promise<void>[];

  constructor(node: Node) {
    this.#readers = Array.from({ length: READERS }, (_, i) => this.#run(node, i));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#readers);
  }

  async #run(node: Node, reader: number): Promise<void> {
    for (let turn = 0; !this.#isOver; turn++) {
      const key = `key/${(reader * 7_919 + turn * 31) % KEYS}`;
      const startMs = performance.now();
      const value = await node.read(key);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs);
      this.reads += 1;
      if (value !== sourceOf(key)) this.wrong.push(`${key}: ${value}`);
      // Reads that are answered within one turn of the event loop would keep it from everything else.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}

async function hitsRise(node: Node, what: string): Promise<void> {
  const before = node.hits();
  await eventually(() => node.hits() > before + 100, what, 20_000);
}

/** Until it is connected, a node reads for itself. */
async function firstHit(node: Node): Promise<void> {
  await eventually(async () => {
    await node.read('shared');
    return node.hits() > 0;
  }, 'a first hit');
}

/** Bytes that the server has sent to anybody. */
async function sentBy({ port }: RedisServer): Promise<number> {
  const [, bytes] = /total_net_output_bytes:(\d+)/.exec(await ask(port, 'INFO stats')) ?? [];
  return Number(bytes);
}

describe('a single Redis', { skip: NO_REDIS ?? false }, () => {
  let server: RedisServer;
  let node: Node;

  before(async () => {
    server = await RedisServer.start();
    node = new Node([{ host: '127.0.0.1', port: server.port }], false);
  });
  after(async () => {
    await node?.cache.close();
    await server?.remove();
  });

  it('gives to one node what another one has read', async () => {
    const other = new Node([{ host: '127.0.0.1', port: server.port }], false);
    await firstHit(node);
    await firstHit(other);
    const loads = other.loads;
    for (let i = 0; i < 100; i++) await other.read('shared');
    assert.equal(other.loads, loads);
    await other.cache.close();
  });

  it('sends no more of a value than one may have', async () => {
    await firstHit(node);
    const large = 8 * MAX_SEALED_BYTES;
    assert.match(await ask(server.port, `SETRANGE net/large ${large - 1} x`), new RegExp(`:${large}`));
    const [sent, refused] = [await sentBy(server), node.reads('refused')];
    assert.equal(await node.read('large'), sourceOf('large'));
    assert.equal(node.reads('refused'), refused + 1);
    const bytes = (await sentBy(server)) - sent;
    assert.ok(bytes > MAX_SEALED_BYTES && bytes < 2 * MAX_SEALED_BYTES, `${bytes} bytes`);
  });

  for (const [fault, end] of [
    ['killed', 'started again'],
    ['frozen', 'thawed'],
  ] as const) {
    it(`may be ${fault} and ${end} under load: slower, never wrong`, async (context) => {
      const load = new Load(node);
      await hitsRise(node, 'hits before');
      if (fault === 'killed') await server.kill();
      else server.freeze();
      await eventually(() => node.instruments.total('av10_cache_redis_up') === 0, 'it is noticed');
      const [reads, loads] = [load.reads, node.loads];
      await eventually(() => load.reads > reads + 2_000, 'reads go on without it');
      assert.ok(node.loads - loads >= 1_900, 'from the source');
      if (fault === 'killed') await server.start();
      else server.thaw();
      await hitsRise(node, 'hits after');
      await load.stop();
      context.diagnostic(`${load.reads} reads, slowest ${load.slowestMs.toFixed(0)} ms`);
      assert.deepEqual(load.wrong, []);
      assert.ok(load.slowestMs < SLOW_MS, `slowest read: ${load.slowestMs} ms`);
      assert.equal(node.instruments.total('av10_cache_redis_up'), 1);
    });
  }
});

describe('a Redis cluster', { skip: NO_REDIS ?? false }, () => {
  let cluster: RedisCluster;
  let node: Node;

  before(async () => {
    cluster = await RedisCluster.start();
    node = new Node(cluster.nodes, true);
  });
  after(async () => {
    await node?.cache.close();
    await cluster?.remove();
  });

  it('may lose a master under load: slower, never wrong, and whole again after the failover', async (context) => {
    const load = new Load(node);
    await hitsRise(node, 'hits before');
    const [victim] = await cluster.masters();
    assert.ok(victim !== undefined);
    const startMs = performance.now();
    await victim.kill();
    const hits = node.hits();
    await eventually(async () => (await cluster.masters()).length === 3, 'a replica takes over', 30_000);
    const failoverMs = performance.now() - startMs;
    assert.ok(node.hits() > hits, 'the other masters were used meanwhile');
    // Every key is served again: with all of them read once, nothing more is loaded.
    await eventually(
      async () => {
        const loads = node.loads;
        const reads = load.reads;
        await eventually(() => load.reads > reads + 2 * KEYS, 'reads go on', 20_000);
        return node.loads === loads;
      },
      'hits for every key',
      30_000,
    );
    await load.stop();
    context.diagnostic(
      `${load.reads} reads, slowest ${load.slowestMs.toFixed(0)} ms, failover ${failoverMs.toFixed(0)} ms`,
    );
    assert.deepEqual(load.wrong, []);
    assert.ok(load.slowestMs < SLOW_MS, `slowest read: ${load.slowestMs} ms`);
  });
});
