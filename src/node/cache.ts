import { readFile, stat } from 'node:fs/promises';
import {
  type Cache,
  type CacheMetrics,
  cacheMetrics,
  MemoryCache,
  MIN_SECRET_BYTES,
  ReadThrough,
} from '../cache/index.ts';
import { DEFAULT_REDIS_TIMING } from '../cache/options.ts';
import type { RedisCacheModules } from '../cache/redis-cache.ts';
import type { NetworkId } from '../types/ids.ts';
import { utf8 } from '../util/bytes.ts';
import { errorText } from '../util/errors.ts';
import type { Instruments } from '../util/instruments.ts';
import type { NodeConfig } from './config.ts';
import { NodeError } from './errors.ts';
import { hostAndPort } from './host-and-port.ts';

/** A secret is a line. */
const MAX_SECRET_BYTES = 1_024;
/** Of what is kept under a key; another form gets another number, so that nodes of both versions can share a Redis. */
const FORMAT = 1;

export type CacheModules = Omit<RedisCacheModules, 'metrics'> & { readonly instruments: Instruments };

/**
 * What the API reads through: memory, and behind it Redis where one is configured, which need not be there.
 * @throws NodeError CONFIG_INVALID
 */
export async function openCache(config: NodeConfig, networkId: NetworkId, modules: CacheModules): Promise<ReadThrough> {
  const metrics = cacheMetrics(modules.instruments);
  const ttlMs = config.cacheTtlSeconds * 1_000;
  const memory = new MemoryCache({ memoryBytes: config.cacheBytes, ttlMs }, { ...modules, metrics });
  if (config.redisNodes.length === 0) return new ReadThrough([memory], metrics);
  const redis = await connectRedisCache(config, `av10/${networkId}/${FORMAT}/`, { ...modules, metrics });
  return new ReadThrough([memory, redis], metrics);
}

/** The client library is loaded only where it is used. */
async function connectRedisCache(
  config: NodeConfig,
  prefix: string,
  modules: CacheModules & { readonly metrics: CacheMetrics },
): Promise<Cache> {
  const { redisNodes, redisCluster: isCluster, redisTls: tls, redisPasswordFile, cacheSecretFile } = config;
  const secret = utf8(await readLine(cacheSecretFile, '--cache-secret-file', MIN_SECRET_BYTES));
  const password = redisPasswordFile === '' ? undefined : await readLine(redisPasswordFile, '--redis-password-file', 1);
  const { RedisCache } = await import('../cache/redis-cache.ts');
  const nodes = redisNodes.map(hostAndPort);
  const ttlMs = config.cacheTtlSeconds * 1_000;
  const options = { nodes, isCluster, tls, password, prefix, secret, ttlMs, timing: DEFAULT_REDIS_TIMING };
  return RedisCache.connect(options, modules);
}

async function readLine(path: string, flag: string, minBytes: number): Promise<string> {
  try {
    if (path === '') throw new Error('no file is named');
    if ((await stat(path)).size > MAX_SECRET_BYTES) throw new Error('the file is too large');
    const line = (await readFile(path, 'utf8')).trim();
    if (line.length < minBytes) throw new Error(`${minBytes} characters or more expected`);
    return line;
  } catch (cause) {
    const message = `Redis cannot be used without ${flag}: ${errorText(cause)}`;
    throw new NodeError('CONFIG_INVALID', message, { path }, { cause });
  }
}
