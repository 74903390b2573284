import { Cluster, type RedisOptions as IoredisOptions, Redis } from 'ioredis';
import { assertDefined } from '../util/assert.ts';
import type { RedisOptions } from './options.ts';
import { MAX_SEALED_BYTES } from './seal.ts';

/** What the cache asks of Redis; each may reject at any time, or never be answered. */
export interface RedisClient {
  /** Null: nothing is there. Of what is longer than `MAX_SEALED_BYTES` the first bytes, one too many. */
  get(key: string): Promise<Uint8Array | null>;
  set(key: string, value: Uint8Array, ttlMs: number): Promise<unknown>;
  close(): void;
}

/** Hops of one command between nodes of a cluster that is changing. */
const MAX_REDIRECTIONS = 3;
const FIRST_RECONNECT_MS = 50;

/** A connection that fails fast: nothing waits for a server that is not there, and nothing is sent twice. Connects in the background, for ever. */
export function connectRedis(options: RedisOptions, problem: (error: unknown) => void): RedisClient {
  const { nodes, isCluster, timing } = options;
  const first = assertDefined(nodes[0], 'an address of Redis');
  const connection = connectionOptions(options);
  const client = isCluster
    ? new Cluster([...nodes], {
        redisOptions: connection,
        enableOfflineQueue: false,
        maxRedirections: MAX_REDIRECTIONS,
        clusterRetryStrategy: backOff(timing.reconnectMaxMs),
        clusterNodeRetryStrategy: backOff(timing.reconnectMaxMs),
        slotsRefreshTimeout: timing.silenceMs,
      })
    : new Redis({ ...first, ...connection, enableOfflineQueue: false, retryStrategy: backOff(timing.reconnectMaxMs) });
  client.on('error', problem);
  return {
    // The server cuts off what is too long: a key may hold 512 MiB of somebody else, and the driver would take them all in.
    get: async (key) => {
      const found = await client.getrangeBuffer(key, 0, MAX_SEALED_BYTES);
      return found.length === 0 ? null : found;
    },
    set: (key, value, ttlMs) => client.set(key, Buffer.from(value.buffer, value.byteOffset, value.length), 'PX', ttlMs),
    close: () => client.disconnect(),
  };
}

function connectionOptions({ timing, password, tls }: RedisOptions) {
  return {
    ...{ connectTimeout: timing.silenceMs, socketTimeout: timing.silenceMs },
    ...{ maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false },
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
  } satisfies IoredisOptions;
}

function backOff(maxMs: number): (times: number) => number {
  return (times) => Math.min(FIRST_RECONNECT_MS * 2 ** Math.min(times, 10), maxMs);
}
