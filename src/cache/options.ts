const MIB = 1024 * 1024;

/**
 * The largest value that is kept: a block with the ids of 15,600 transactions, or eight of the largest transactions. Larger blocks are read again each time:
 * opening one from Redis would hold up the main thread for a millisecond or more, and a few of them would fill the memory.
 */
export const MAX_VALUE_BYTES = MIB;
/** Bookkeeping of one entry in memory, so that many small values count too. */
export const ENTRY_BYTES = 256;
/** Commands of Redis whose answer is awaited; the next one counts as a miss. At 0.2 ms each far more than the API has requests. */
export const MAX_COMMANDS = 1_024;
/** Keys that are read at a time; the next reader loads for itself. The API has fewer connections. */
export const MAX_SHARED_READS = 8_192;

export interface CacheOptions {
  /** Of values and bookkeeping in memory. */
  readonly memoryBytes: number;
  /** How long a value is kept. It cannot become wrong; this is about room, and about what went wrong before it was set. */
  readonly ttlMs: number;
}

export const DEFAULT_CACHE_OPTIONS: CacheOptions = { memoryBytes: 64 * MIB, ttlMs: 86_400_000 };

export interface RedisOptions {
  /** One address of a single server, or some of a cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly isCluster: boolean;
  readonly tls: boolean;
  readonly password: string | undefined;
  /** Before every key, so that networks and formats share a server. */
  readonly prefix: string;
  /** Who does not know it cannot put a value here that is believed: `src/cache/seal.ts`. */
  readonly secret: Uint8Array;
  readonly ttlMs: number;
  readonly timing: RedisTiming;
}

export interface RedisTiming {
  /** A command that takes longer is a miss: reading the value where it comes from takes less. */
  readonly commandMs: number;
  /** So many failures in a row, and Redis is left alone for `pauseMs`; then one command tries. */
  readonly failures: number;
  readonly pauseMs: number;
  /** A connection with open commands and no byte for so long is made anew. */
  readonly silenceMs: number;
  /** Longest wait between attempts to connect. */
  readonly reconnectMaxMs: number;
}

export const DEFAULT_REDIS_TIMING: RedisTiming = {
  commandMs: 50,
  failures: 5,
  pauseMs: 1_000,
  silenceMs: 2_000,
  reconnectMaxMs: 1_000,
};

/** Shorter ones could be guessed by who reads values. */
export const MIN_SECRET_BYTES = 32;
