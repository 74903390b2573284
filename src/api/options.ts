import type { ReadThrough } from '../cache/index.ts';
import type { ArchiveLookup } from '../storage/index.ts';
import type { Clock } from '../util/clock.ts';
import type { Instruments } from '../util/instruments.ts';
import type { Logger } from '../util/logger.ts';
import type { Timers } from '../util/timers.ts';
import type { ApiTls } from './tls.ts';

export interface ApiModules {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly instruments: Instruments;
  /** Of what is read of the chain. */
  readonly cache: ReadThrough;
  /** Of what the node no longer keeps. */
  readonly archive?: ArchiveLookup | undefined;
}

export interface ApiOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Plain HTTP without it: for loopback and behind a proxy that ends TLS. */
  readonly tls?: ApiTls | undefined;
  /** Addresses or CIDR ranges whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Origins whose pages may read the answers; none by default. */
  readonly corsOrigins: readonly string[];
  /** Of one range of addresses (`addressSource`), after a burst of twice as many; 0: no limit. */
  readonly requestsPerSecond: number;
  /** Ranges of addresses without that limit. */
  readonly trustedSources: readonly string[];
  /** Event streams at a time; each holds a connection. */
  readonly maxStreams: number;
  readonly timing: ApiTiming;
}

/** Times that tests shorten. */
export interface ApiTiming {
  /** To send the headers; a client that trickles them is cut off. */
  readonly headersTimeoutMs: number;
  /** To send the whole request: 4 MiB at 1.2 Mbit/s. */
  readonly requestTimeoutMs: number;
  /** Without a byte in either direction while an answer is due; longer than a request may wait for a transaction (60 s). */
  readonly stallTimeoutMs: number;
  /** Longer than the idle time of usual load balancers (60 s), so that they close first. */
  readonly keepAliveTimeoutMs: number;
  /** How often Node looks for requests that are over their time. */
  readonly checkIntervalMs: number;
}

export const DEFAULT_API_OPTIONS: ApiOptions = {
  host: '127.0.0.1',
  port: 8080,
  trustedProxies: [],
  corsOrigins: [],
  requestsPerSecond: 200,
  trustedSources: [],
  maxStreams: 512,
  timing: {
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    stallTimeoutMs: 75_000,
    keepAliveTimeoutMs: 65_000,
    checkIntervalMs: 1_000,
  },
};

/** A connection costs some 20 kB idle and up to 4 MiB while it sends a body. */
export const MAX_CONNECTIONS = 4_096;
export const MAX_HEADER_BYTES = 16 * 1024;
/** The longest part of a path is an id of 64 digits; beyond this length nothing is matched. */
export const MAX_PARAM_LENGTH = 128;
/** Requests that wait at a time; each holds a connection and a listener in the node. */
export const MAX_WAITERS = 2_048;
/** Event streams of one range of addresses, so that no visitor takes them all. */
export const MAX_STREAMS_PER_SOURCE = 64;
/** Sent to a stream and not yet taken by its connection; the events of one commit may be more. */
export const MAX_STREAM_BYTES = 256 * 1024;
/** A stream without news says where it is; shorter than the idle limits of usual proxies. */
export const HEARTBEAT_MS = 15_000;
/** A reader that takes nothing for so long is cut off. */
export const STALL_LIMIT_MS = 10_000;
/** Told to clients while the index of receipts is behind, which may last until the next start. */
export const INDEX_RETRY_MS = 5_000;
/** Told to clients while the archive does not answer. */
export const ARCHIVE_RETRY_MS = 2_000;
/** Blocks that are looked into for one page of a history. */
export const MAX_HISTORY_BLOCKS = 64;
/** Read for histories of accounts, by all requests together: 16 MiB cost some 60 ms of the main thread. Then they are told to wait. */
export const HISTORY_BYTES_PER_SECOND = 16 * 1024 * 1024;
/** What they may save up. */
export const HISTORY_BURST_BYTES = 32 * 1024 * 1024;
/** What looking into a block costs at least. */
export const HISTORY_BLOCK_BYTES = 16 * 1024;
/** Ranges of addresses whose requests are counted; beyond it the one unused longest starts afresh. */
export const MAX_COUNTED_SOURCES = 10_000;
