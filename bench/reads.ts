/**
 * Receipts by id over HTTP at a fixed rate, none of them the node's own: from the archive, from Redis, from memory. Needs `redis-server` and
 * `secantusd-py`. `node bench/reads.ts [--rate 500] [--seconds 10] [--json FILE]`. Times count from when a request was due (open loop).
 */
import { writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Decimal128, MongoClient } from 'mongodb';
import { createApi, DEFAULT_API_OPTIONS } from '../src/api/index.ts';
import { type Cache, cacheMetrics, DEFAULT_REDIS_TIMING, MemoryCache, ReadThrough } from '../src/cache/index.ts';
import { RedisCache } from '../src/cache/redis-cache.ts';
import type { ArchiveLookup } from '../src/storage/index.ts';
import { ArchiveDatabase } from '../src/storage/mongo/database.ts';
import { MongoLookup } from '../src/storage/mongo/index.ts';
import { utf8 } from '../src/util/bytes.ts';
import { NO_INSTRUMENTS } from '../src/util/instruments.ts';
import { SILENT_LOGGER } from '../src/util/logger.ts';
import { MongoServer } from '../test/archive/mongo-server.ts';
import { RedisServer } from '../test/support/redis-servers.ts';
import { shaHasher } from '../test/support/sha-hasher.ts';
import { StubService, stubNetwork } from '../test/support/stub-service.ts';
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from '../test/support/system-time.ts';

interface Order {
  readonly url: string;
  readonly count: number;
  readonly perSecond: number;
}

interface Latencies {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly failed: number;
}

const SOCKETS = 64;
const DATABASE = 'reads';
const TTL_MS = 600_000;
const idOf = (number: number): string => number.toString(16).padStart(64, '0');

if (isMainThread) await main();
else parentPort?.postMessage(await ask(workerData as Order));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '10' },
      json: { type: 'string' },
    },
  });
  const perSecond = Number(values.rate);
  const count = perSecond * Number(values.seconds);
  const { genesis, ...network } = await stubNetwork();
  const identity = { networkId: genesis.networkId, level: 'batches' } as const;
  const mongo = await MongoServer.prepare();
  await mongo.start();
  const redisServer = await RedisServer.start();
  const address = { uri: mongo.uri, database: DATABASE };
  await (await ArchiveDatabase.open(address, { ...identity, genesis: new Uint8Array(0) })).close();
  await fill(mongo.uri, count);

  const metrics = cacheMetrics(NO_INSTRUMENTS);
  const modules = { clock: SYSTEM_CLOCK, timers: SYSTEM_TIMERS, metrics, logger: SILENT_LOGGER };
  const archive = new MongoLookup(address, identity, { hasher: shaHasher, ...modules });
  const memory = new MemoryCache({ memoryBytes: 256 * 1024 * 1024, ttlMs: TTL_MS }, modules);
  const nodes = [{ host: '127.0.0.1', port: redisServer.port }];
  const place = { nodes, isCluster: false, tls: false, password: undefined, prefix: 'bench/' };
  const secret = utf8('a secret of thirty-two characters');
  const redis = RedisCache.connect({ ...place, secret, ttlMs: TTL_MS, timing: DEFAULT_REDIS_TIMING }, modules);

  const measure = async (from: string, tiers: readonly Cache[], source: ArchiveLookup) => {
    const cache = new ReadThrough(tiers, metrics);
    const options = { ...DEFAULT_API_OPTIONS, port: 0, requestsPerSecond: 0 };
    const service = new StubService({ genesis, ...network });
    const api = createApi(service, options, {
      ...{ clock: SYSTEM_CLOCK, timers: SYSTEM_TIMERS, log: SILENT_LOGGER, instruments: NO_INSTRUMENTS },
      ...{ cache, archive: source },
    });
    const latencies = await askFrom({ url: await api.start(), count, perSecond });
    await api.stop();
    return { from, perSecond, ...latencies };
  };
  await measure('warm-up', [], archive);
  const rows = [await measure('archive', [], archive)];
  await measure('fill', [memory, redis], archive);
  rows.push(await measure('redis', [redis], archive), await measure('memory', [memory], archive));
  console.table(rows);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
  await Promise.all([archive.close(), redis.close()]);
  await Promise.all([mongo.stop(), redisServer.remove()]);
}

async function fill(uri: string, count: number): Promise<void> {
  const client = new MongoClient(uri);
  const documents = Array.from({ length: count }, (_, number) => ({
    ...{ _id: idOf(number), height: BigInt(number), position: 0, block: idOf(0), timestamp: new Date(0) },
    ...{ kind: 'transfer-batch', from: idOf(1), sender: 1, nonce: BigInt(number), fee: Decimal128.fromString('5') },
    ...{ code: 'OK', detail: 0, asset: 0, amount: Decimal128.fromString('8'), transfers: 8 },
  }));
  await client.db(DATABASE).collection<{ readonly _id: string }>('transactions').insertMany(documents);
  await client.close();
}

/** In a thread of its own, so that asking does not delay answering. */
async function askFrom(order: Order): Promise<Latencies> {
  const worker = new Worker(new URL(import.meta.url), { workerData: order });
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
}

async function ask({ url, count, perSecond }: Order): Promise<Latencies> {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
  const times: number[] = [];
  const startMs = performance.now();
  const one = (number: number): Promise<void> =>
    new Promise((resolve) => {
      const request = get(`${url}/v1/transactions/${idOf(number)}`, { agent }, (response) => {
        response.resume().on('end', () => {
          if (response.statusCode === 200) times.push(performance.now() - startMs - (number * 1_000) / perSecond);
          resolve();
        });
      });
      request.on('error', () => resolve());
    });
  const open: Promise<void>[] = [];
  while (open.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - startMs) * perSecond) / 1_000) + 1);
    while (open.length < due) open.push(one(open.length));
    await delay(1);
  }
  await Promise.all(open);
  agent.destroy();
  times.sort((one, other) => one - other);
  const at = (share: number): number => Math.round((times[Math.floor(share * (times.length - 1))] ?? 0) * 100) / 100;
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), failed: count - times.length };
}
